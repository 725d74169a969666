#include "lower_star_table.hpp"

#include <bit>

namespace segtopo {

namespace {

/// The bits of `set` at the positions of `mask`, moved together.
std::uint32_t extract_bits(std::uint32_t set, std::uint32_t mask) {
  std::uint32_t result = 0;
  for (int next = 0; mask != 0; mask &= mask - 1, ++next)
    if (set & mask & -mask) result |= std::uint32_t{1} << next;
  return result;
}

/// The inverse of `extract_bits`.
std::uint32_t deposit_bits(std::uint32_t packed, std::uint32_t mask) {
  std::uint32_t result = 0;
  for (; mask != 0; mask &= mask - 1, packed >>= 1)
    if (packed & 1) result |= mask & -mask;
  return result;
}

template <int Dim> bool is_closed(std::uint32_t star) {
  for (std::uint32_t rest = star; rest != 0; rest &= rest - 1) {
    const std::uint32_t faces = star_cells<Dim>.faces[std::countr_zero(rest)];
    if ((star & faces) != faces) return false;
  }
  return true;
}

/// The top cells that a skeleton allows, numbered from 0.
template <int Dim> std::uint32_t possible_top_cells(std::uint32_t skeleton) {
  const auto& cells = star_cells<Dim>;
  std::uint32_t possible = 0;
  for (int c = cells.first[Dim]; c < cells.count; ++c)
    if ((skeleton & cells.faces[c]) == cells.faces[c]) possible |= std::uint32_t{1} << (c - cells.first[Dim]);
  return possible;
}

} // namespace

template <int Dim> LowerStarTable<Dim>::LowerStarTable() {
  constexpr std::uint32_t top_sets = 1 << top_count;
  rank_.resize(top_sets * top_sets);
  for (std::uint32_t possible = 0; possible < top_sets; ++possible)
    for (std::uint32_t top = 0; top < top_sets; ++top)
      rank_[possible << top_count | top] = static_cast<std::uint8_t>(extract_bits(top, possible));

  branches_.resize(skeleton_size);
  for (std::uint32_t skeleton = 0; skeleton < skeleton_size; ++skeleton) {
    const std::uint32_t without_top = skeleton << 1 | 1;
    if (!is_closed<Dim>(without_top)) continue;
    const std::uint32_t possible = possible_top_cells<Dim>(without_top);
    branches_[skeleton] = {static_cast<std::uint16_t>(partners_.size()), static_cast<std::uint16_t>(possible)};
    for (std::uint32_t packed = 0; packed < std::uint32_t{1} << std::popcount(possible); ++packed)
      match(without_top | deposit_bits(packed, possible) << cells.first[Dim]);
  }
}

/// Coreduction: a cell with a single unmatched facet is matched with it; when there is none, the lowest cell
/// left is critical. On subcomplexes of a sphere this greedy choice leaves as few critical cells as any.
template <int Dim> void LowerStarTable<Dim>::match(std::uint32_t star) {
  ByCode partners, places{};
  partners.fill(absent);
  std::uint32_t critical = 0;
  std::uint8_t next_place = 0;
  for (std::uint32_t unmatched = star; unmatched != 0;) {
    int cell = std::countr_zero(unmatched), partner = cell;
    for (std::uint32_t rest = unmatched; rest != 0; rest &= rest - 1) {
      const int candidate = std::countr_zero(rest);
      const std::uint32_t facets = cells.faces[candidate] & unmatched;
      if (!std::has_single_bit(facets)) continue;
      cell = candidate;
      partner = std::countr_zero(facets);
      break;
    }
    if (cell == partner) critical |= std::uint32_t{1} << cell;
    partners[cell] = static_cast<std::uint8_t>(partner);
    partners[partner] = static_cast<std::uint8_t>(cell);
    places[partner] = next_place++; // the facet, if there is one, comes first
    places[cell] = next_place++;
    unmatched &= ~(std::uint32_t{1} << cell | std::uint32_t{1} << partner);
  }
  partners_.push_back(partners);
  places_.push_back(places);
  critical_.push_back(critical);
}

template class LowerStarTable<2>;
template class LowerStarTable<3>;

} // namespace segtopo
