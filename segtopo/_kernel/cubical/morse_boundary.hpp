#pragma once

#include "common/large_memory.hpp"
#include "cubical/lower_star_gradient.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

namespace segtopo {

/// Says of every lower star that its pairs are cancelled.
struct NeverFrozen {
  bool operator()(Index) const { return false; }
};

/// Boundaries of critical squares in the Morse complex: the critical edges in which gradient paths from the square
/// end, over Z2.
///
/// The boundary of the square slides down the gradient, from the highest lower star to the lowest: an edge that is
/// paired with a square is replaced by the rest of that square's boundary. Edges that occur twice cancel. In the lower
/// stars of voxels for which is_frozen(voxel) is true, cells count as critical although they are paired.
///
/// Each thread has one, on cache lines of its own.
template <int Dim, class Key, class Storage, class IsFrozen> class alignas(128) MorseBoundary {
public:
  MorseBoundary(const LowerStarGradient<Dim, Key, Storage>& gradient, IsFrozen is_frozen, const Execution& execution)
      : gradient_(gradient), image_(gradient.image), is_frozen_(is_frozen), execution_(execution),
        chain_(image_.storage.size()) {
    for (int square = cells.first[2]; square < cells.first[3]; ++square) find_far_edges(square);
  }

  /// Calls on_edge for the critical edges in the boundary of `square`, seen from its highest voxel: the last to enter
  /// the filtration first. Edges that are paired with a voxel are left out.
  template <class OnEdge> void operator()(const Cell& square, OnEdge on_edge) {
    add(square.voxel, add_far_edges(square));
    for (std::size_t visited = 0; !queue_.empty(); ++visited) {
      if (visited % 65536 == 0) execution_.throw_if_cancelled();
      const Index voxel = pop_highest();
      for (EdgeSet critical = slide_down(voxel, std::exchange(chain_[image_.storage.slot(voxel)], EdgeSet{0}));
           critical != 0;) {
        const int code = last_to_enter(voxel, critical);
        critical ^= bit(code);
        on_edge(Cell{voxel, code});
      }
    }
  }

private:
  using EdgeSet = std::uint8_t; ///< edges of one lower star, as bits by code

  /// A voxel in the queue, ordered as the filtration.
  struct Entry {
    Key key;
    std::uint32_t voxel;
    bool operator<(const Entry& other) const { return key != other.key ? key < other.key : voxel < other.voxel; }
  };

  /// An edge in the boundary of a square that does not contain the voxel from which the square is seen.
  struct FarEdge {
    Index step_to_first, step_to_last;   ///< to its vertices, that of smaller index first
    int code_from_first, code_from_last; ///< of the edge as seen from either
  };

  static constexpr const StarCells<Dim>& cells = star_cells<Dim>;

  const LowerStarGradient<Dim, Key, Storage>& gradient_;
  const OrderedImage<Dim, Key, Storage>& image_;
  const IsFrozen is_frozen_;
  const Execution& execution_;
  std::array<std::array<FarEdge, 2>, cells.count> far_edges_{}; ///< by the code of the square
  LargeArray<EdgeSet> chain_;                                   ///< by voxel
  std::vector<Entry> queue_; ///< a heap of the voxels whose lower stars hold edges of the chain

  static EdgeSet bit(int code) { return static_cast<EdgeSet>(1u << code); }

  void find_far_edges(int square) {
    for (int axis = 0, next = 0; axis < Dim; ++axis) {
      const int near = cells.face[square][axis];
      if (near < 0) continue;
      const Index one = cells.displacement[square][axis] * image_.grid.strides[axis];
      const Index other = one + image_.grid.step[near];
      const int from_one = near, from_other = cells.seen_from[near][1];
      far_edges_[square][next++] =
          one < other ? FarEdge{one, other, from_one, from_other} : FarEdge{other, one, from_other, from_one};
    }
  }

  int last_to_enter(Index voxel, EdgeSet edges) const {
    int last = std::bit_width(edges) - 1; // critical edges of one lower star enter in the order of their codes
    if (!is_frozen_(voxel)) return last;
    for (EdgeSet rest = edges; rest != 0; rest &= static_cast<EdgeSet>(rest - 1)) {
      const int edge = std::countr_zero(rest);
      if (gradient_.place({voxel, edge}) > gradient_.place({voxel, last})) last = edge;
    }
    return last;
  }

  Index pop_highest() {
    std::pop_heap(queue_.begin(), queue_.end());
    const Index voxel = queue_.back().voxel;
    queue_.pop_back();
    return voxel;
  }

  void add(Index voxel, EdgeSet edges) {
    if (chain_[image_.storage.slot(voxel)] == 0) {
      queue_.push_back({image_.key(voxel), static_cast<std::uint32_t>(voxel)});
      std::push_heap(queue_.begin(), queue_.end());
    }
    chain_[image_.storage.slot(voxel)] ^= edges;
  }

  /// Adds the edges of a square's boundary that lie in lower stars below its own, and returns the others.
  EdgeSet add_far_edges(const Cell& square) {
    for (const FarEdge& edge : far_edges_[square.code]) {
      const Index first = square.voxel + edge.step_to_first, last = square.voxel + edge.step_to_last;
      const bool last_is_higher = image_.key(first) <= image_.key(last);
      const Index voxel = last_is_higher ? last : first;
      const int code = last_is_higher ? edge.code_from_last : edge.code_from_first;
      // A path ends in an edge that is paired with its vertex, or that is no part of the complex.
      const int partner = gradient_.partner({voxel, code});
      if (partner != 0 && partner != LowerStarTable<Dim>::absent) add(voxel, bit(code));
    }
    return static_cast<EdgeSet>(cells.faces[square.code]);
  }

  /// Replaces the edges of one lower star that are paired with squares; returns the critical ones that remain.
  EdgeSet slide_down(Index voxel, EdgeSet edges) {
    EdgeSet critical = 0;
    const bool is_frozen = is_frozen_(voxel);
    while (edges != 0) {
      const int edge = std::countr_zero(edges);
      edges ^= bit(edge);
      const int partner = gradient_.partner({voxel, edge});
      if (partner == edge || (is_frozen && partner != 0))
        critical ^= bit(edge);
      else if (partner != 0)
        edges ^= add_far_edges({voxel, partner}) ^ bit(edge);
    }
    return critical;
  }
};

} // namespace segtopo
