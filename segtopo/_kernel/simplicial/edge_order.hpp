#pragma once

#include "common/large_memory.hpp"
#include "common/radix_sort.hpp"
#include "simplicial/simplex_index.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>

namespace segtopo {

/// A graph whose edges have lengths >= 0. Edges of equal length enter the filtration in the given order.
struct WeightedGraph {
  std::size_t vertex_count;
  std::span<const std::int64_t> ends; ///< two vertices for each edge, the smaller first
  std::span<const double> lengths;
};

/// The edges of a graph, sorted by length.
class EdgeOrder {
public:
  struct Edge {
    Vertex first, second;
  };

  /// Throws std::length_error for more edges or vertices than 32-bit numbers count.
  explicit EdgeOrder(const WeightedGraph& graph)
      : lengths_(graph.lengths), order_(checked_size(graph)), edges_(order_.size()) {
    // As integers, the bits of doubles >= 0 have the order of the doubles. Adding 0 turns -0 into 0.
    for (std::size_t i = 0; i < order_.size(); ++i)
      order_[i] = {std::bit_cast<std::int64_t>(lengths_[i] + 0.0), static_cast<std::uint32_t>(i)};
    radix_sort(order_);
    for (std::size_t rank = 0; rank < order_.size(); ++rank) {
      const std::size_t i = order_[rank].number;
      edges_[rank] = {static_cast<Vertex>(graph.ends[2 * i]), static_cast<Vertex>(graph.ends[2 * i + 1])};
    }
  }

  std::size_t size() const { return edges_.size(); }
  const Edge& operator[](EdgeRank rank) const { return edges_[rank]; }
  /// The number of an edge in the graph.
  std::uint32_t number(EdgeRank rank) const { return order_[rank].number; }
  double length(EdgeRank rank) const { return lengths_[order_[rank].number]; }

private:
  std::span<const double> lengths_;
  LargeVector<Keyed<std::int64_t>> order_;
  LargeVector<Edge> edges_;

  static std::size_t checked_size(const WeightedGraph& graph) {
    constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max() - 1;
    if (graph.vertex_count > most || graph.lengths.size() > most)
      throw std::length_error("graphs of up to 2^32 vertices and edges are supported");
    return graph.lengths.size();
  }
};

} // namespace segtopo
