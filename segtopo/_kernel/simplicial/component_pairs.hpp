#pragma once

#include "common/union_find.hpp"
#include "simplicial/simplex_pairs.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace segtopo {

/// Pairs each vertex of a graph with the edge that joins its component to an elder one, by union-find.
///
/// Vertices are numbered by age and edges in the order of the filtration. `ends_of(edge)` returns the two vertices of
/// an edge. `joins` has one entry for each edge; the entries of edges that end a component are set.
template <class EndsOf>
std::vector<SimplexPair> component_pairs(std::size_t vertex_count, EndsOf ends_of, std::vector<bool>& joins) {
  std::vector<SimplexPair> pairs;
  for (std::size_t vertex = 0; vertex < vertex_count; ++vertex)
    pairs.push_back({static_cast<std::uint32_t>(vertex), SimplexPair::never});
  UnionFind components(vertex_count);
  for (std::size_t edge = 0; edge < joins.size(); ++edge) {
    const std::array<std::uint32_t, 2> ends = ends_of(edge);
    const auto [elder, younger] = std::minmax({components.find(ends[0]), components.find(ends[1])});
    if (elder == younger) continue;
    components.link(elder, younger);
    pairs[younger].death = static_cast<std::uint32_t>(edge);
    joins[edge] = true;
  }
  return pairs;
}

} // namespace segtopo
