#pragma once

#include "common/large_memory.hpp"
#include "simplicial/edge_order.hpp"
#include "simplicial/simplex_index.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace segtopo {

inline constexpr EdgeRank no_edge = ~EdgeRank{0}; ///< later than all edges

/// The edges of ranks begin .. end-1.
struct EdgeRange {
  EdgeRank begin, end;

  bool contains(EdgeRank edge) const {
    return edge - begin < end - begin;
  } // for a smaller edge, the difference wraps around
};

/// A vertex that has an edge to each vertex of a set.
struct CommonNeighbour {
  Vertex vertex;
  EdgeRank last_edge; ///< the last of these edges in the filtration
  std::size_t end;    ///< the position in the set of the other vertex of that edge
};

/// The edges of a graph as a matrix, for dense graphs.
class DenseNeighbours {
public:
  DenseNeighbours(std::size_t vertex_count, const EdgeOrder& edges)
      : vertex_count_(vertex_count), ranks_(vertex_count * vertex_count, no_edge) {
    for (EdgeRank rank = 0; rank < edges.size(); ++rank) {
      const auto [first, second] = edges[rank];
      ranks_[first * vertex_count_ + second] = ranks_[second * vertex_count_ + first] = rank;
    }
  }

  EdgeRank edge(Vertex first, Vertex second) const { return ranks_[first * vertex_count_ + second]; }

  /// Calls visit(neighbour) for each common neighbour of the vertices whose last edge is in the range, in rising order.
  /// Stops if visit returns false.
  template <class Visit>
  void for_each_common(std::span<const Vertex> vertices, const EdgeRange& range, Visit visit) const {
    std::array<EdgeRank, block> last;
    std::array<std::uint32_t, block> end;
    // The first blocks are small, because visit often stops early.
    for (std::size_t begin = 0, size = 16; begin < vertex_count_; begin += size, size = std::min(2 * size, block)) {
      size = std::min(size, vertex_count_ - begin);
      const EdgeRank* row = &ranks_[vertices[0] * vertex_count_ + begin];
      std::copy_n(row, size, last.begin());
      std::fill_n(end.begin(), size, 0);
      for (std::uint32_t i = 1; i < vertices.size(); ++i) {
        row = &ranks_[vertices[i] * vertex_count_ + begin];
        for (std::size_t v = 0; v < size; ++v) {
          const bool later = row[v] > last[v];
          last[v] = later ? row[v] : last[v];
          end[v] = later ? i : end[v];
        }
      }
      for (std::size_t v = 0; v < size; ++v)
        if (range.contains(last[v]) && !visit(CommonNeighbour{static_cast<Vertex>(begin + v), last[v], end[v]})) return;
    }
  }

private:
  static constexpr std::size_t block = 256;
  std::size_t vertex_count_;
  LargeVector<EdgeRank> ranks_;
};

/// The edges of a graph as lists of neighbours, for sparse graphs.
class SparseNeighbours {
public:
  SparseNeighbours(std::size_t vertex_count, const EdgeOrder& edges)
      : begin_(vertex_count + 1, 0), neighbours_(2 * edges.size()) {
    for (EdgeRank rank = 0; rank < edges.size(); ++rank)
      for (const Vertex end : {edges[rank].first, edges[rank].second}) ++begin_[end + 1];
    for (std::size_t v = 0; v < vertex_count; ++v) begin_[v + 1] += begin_[v];
    std::vector<std::size_t> next(begin_.begin(), begin_.end() - 1);
    for (EdgeRank rank = 0; rank < edges.size(); ++rank) {
      const auto [first, second] = edges[rank];
      neighbours_[next[first]++] = {second, rank};
      neighbours_[next[second]++] = {first, rank};
    }
    for (std::size_t v = 0; v < vertex_count; ++v)
      std::sort(neighbours_.begin() + static_cast<std::ptrdiff_t>(begin_[v]),
                neighbours_.begin() + static_cast<std::ptrdiff_t>(begin_[v + 1]),
                [](const Neighbour& one, const Neighbour& other) { return one.vertex < other.vertex; });
  }

  EdgeRank edge(Vertex first, Vertex second) const {
    const auto list = of(first);
    const auto found = std::ranges::lower_bound(list, second, {}, &Neighbour::vertex);
    return found != list.end() && found->vertex == second ? found->edge : no_edge;
  }

  /// Calls visit(neighbour) for each common neighbour of the vertices whose last edge is in the range, in rising order.
  /// Stops if visit returns false.
  template <class Visit>
  void for_each_common(std::span<const Vertex> vertices, const EdgeRange& range, Visit visit) const {
    std::array<const Neighbour*, most_vertices> next, end;
    for (std::size_t i = 0; i < vertices.size(); ++i) {
      const auto list = of(vertices[i]);
      next[i] = list.data();
      end[i] = list.data() + list.size();
    }
    for (; next[0] != end[0]; ++next[0]) {
      CommonNeighbour common{next[0]->vertex, next[0]->edge, 0};
      bool is_common = true;
      for (std::size_t i = 1; i < vertices.size() && is_common; ++i) {
        while (next[i] != end[i] && next[i]->vertex < common.vertex) ++next[i];
        if (next[i] == end[i]) return;
        is_common = next[i]->vertex == common.vertex;
        if (is_common && next[i]->edge > common.last_edge) common = {common.vertex, next[i]->edge, i};
      }
      if (is_common && range.contains(common.last_edge) && !visit(common)) return;
    }
  }

private:
  static constexpr std::size_t most_vertices = 64; ///< of a simplex; 63 bits do not number larger simplices

  struct Neighbour {
    Vertex vertex;
    EdgeRank edge;
  };

  std::vector<std::size_t> begin_; ///< by vertex: the begin of its list
  LargeVector<Neighbour> neighbours_;

  std::span<const Neighbour> of(Vertex vertex) const {
    return std::span(neighbours_).subspan(begin_[vertex], begin_[vertex + 1] - begin_[vertex]);
  }
};

} // namespace segtopo
