#pragma once

#include "common/large_memory.hpp"
#include "common/parallel.hpp"
#include "cubical/lower_star_gradient.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace segtopo {

/// A predicate of paired cells, given by their highest vertices: all pairs cancel.
struct AllCancel {
  bool operator()(const Cell&) const { return true; }
};

/// Computes the boundary of a critical square in the Morse complex over Z2: the critical edges at the ends of an odd
/// number of gradient paths from the square.
///
/// The boundary is a chain of edges that moves down the gradient, from the highest lower star to the lowest. An edge
/// that is paired with a square is replaced by the other edges of that square. An edge that occurs twice cancels.
///
/// A pair of an edge and a square is left alone if cancels(edge) is false: the edge is treated as critical.
///
/// Each thread has an object of its own. The alignment keeps the objects on different cache lines.
template <int Dim, class Key, class Storage, class Cancels> class alignas(128) MorseBoundary {
public:
  MorseBoundary(const LowerStarGradient<Dim, Key, Storage>& gradient, Cancels cancels, const Execution& execution)
      : gradient_(gradient), image_(gradient.image), cancels_(cancels), execution_(execution),
        chain_(image_.storage.size()) {
    for (int square = cells.first[2]; square < cells.first[3]; ++square) find_far_edges(square);
  }

  /// Calls on_edge for the critical edges in the boundary of a square, given by its highest voxel. The edges come in
  /// reverse order of the filtration. Edges that are paired with a voxel are left out.
  template <class OnEdge> void operator()(const Cell& square, OnEdge on_edge) {
    add(square.voxel, add_far_edges(square));
    for (std::size_t visited = 0; !queue_.empty(); ++visited) {
      if (visited % 65536 == 0) execution_.throw_if_cancelled();
      const Index voxel = pop_highest();
      for (EdgeSet critical = flow_down(voxel, std::exchange(chain_[image_.storage.slot(voxel)], EdgeSet{0}));
           critical != 0;) {
        const int code = last_to_enter(voxel, critical);
        critical ^= bit(code);
        on_edge(Cell{voxel, code});
      }
    }
  }

private:
  using EdgeSet = std::uint8_t; ///< a set of edges of one lower star, as bits by code

  /// A voxel in the queue. Entries compare in the order of the filtration.
  struct Entry {
    Key key;
    std::uint32_t voxel;
    bool operator<(const Entry& other) const { return key != other.key ? key < other.key : voxel < other.voxel; }
  };

  /// An edge of a square that does not contain the highest voxel of the square.
  struct FarEdge {
    Index step_to_first, step_to_last;   ///< from the highest voxel to the vertices of the edge, in order of index
    int code_from_first, code_from_last; ///< the code of the edge at each vertex
  };

  static constexpr const StarCells<Dim>& cells = star_cells<Dim>;

  const LowerStarGradient<Dim, Key, Storage>& gradient_;
  const OrderedImage<Dim, Key, Storage>& image_;
  const Cancels cancels_;
  const Execution& execution_;
  std::array<std::array<FarEdge, 2>, cells.count> far_edges_{}; ///< by the code of the square
  LargeArray<EdgeSet> chain_;                                   ///< by slot of the voxel
  std::vector<Entry> queue_; ///< a heap of the voxels whose lower stars may hold edges of the chain

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
    int last = std::bit_width(edges) - 1; // critical edges are in the order of their codes
    if constexpr (std::is_same_v<Cancels, AllCancel>) return last;
    for (EdgeSet rest = edges; rest != 0; rest &= static_cast<EdgeSet>(rest - 1)) {
      const int edge = std::countr_zero(rest);
      if (gradient_.position({voxel, edge}) > gradient_.position({voxel, last})) last = edge;
    }
    return last;
  }

  Index pop_highest() {
    std::pop_heap(queue_.begin(), queue_.end());
    const Index voxel = queue_.back().voxel;
    queue_.pop_back();
    return voxel;
  }

  /// Adds edges of one lower star to the chain.
  void add(Index voxel, EdgeSet edges) {
    if (chain_[image_.storage.slot(voxel)] == 0) {
      queue_.push_back({image_.key(voxel), static_cast<std::uint32_t>(voxel)});
      std::push_heap(queue_.begin(), queue_.end());
    }
    chain_[image_.storage.slot(voxel)] ^= edges;
  }

  /// Adds the edges of a square that lie in lower stars below its own to the chain. Returns the edges in its own.
  EdgeSet add_far_edges(const Cell& square) {
    for (const FarEdge& edge : far_edges_[square.code]) {
      const Index first = square.voxel + edge.step_to_first, last = square.voxel + edge.step_to_last;
      const bool last_is_higher = image_.key(first) <= image_.key(last);
      const Index voxel = last_is_higher ? last : first;
      const int code = last_is_higher ? edge.code_from_last : edge.code_from_first;
      // A path ends without a critical edge if its edge is paired with a vertex or is not in the complex.
      const int partner = gradient_.partner({voxel, code});
      if (partner != 0 && partner != LowerStarTable<Dim>::absent) add(voxel, bit(code));
    }
    return static_cast<EdgeSet>(cells.faces[square.code]);
  }

  /// Replaces the edges of one lower star that are paired with squares. Returns the critical edges.
  EdgeSet flow_down(Index voxel, EdgeSet edges) {
    EdgeSet critical = 0;
    while (edges != 0) {
      const int edge = std::countr_zero(edges);
      edges ^= bit(edge);
      const int partner = gradient_.partner({voxel, edge});
      if (partner == 0) continue;
      if (partner == edge || !cancels_({voxel, edge}))
        critical ^= bit(edge);
      else
        edges ^= add_far_edges({voxel, partner}) ^ bit(edge);
    }
    return critical;
  }
};

} // namespace segtopo
