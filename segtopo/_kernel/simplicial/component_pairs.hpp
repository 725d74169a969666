#pragma once

#include "common/union_find.hpp"
#include "simplicial/simplex_pairs.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace segtopo {

/// Pairs the vertices of a graph, numbered by age, with the edges that join their components to elder ones.
/// `ends_of(edge)` gives the two ends of an edge, edges being numbered in the order of the filtration; `joins[edge]` is
/// set for those that end a component.
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
