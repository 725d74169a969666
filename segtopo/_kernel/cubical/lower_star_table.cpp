#include "cubical/lower_star_table.hpp"

#include <bit>
#include <cstdint>

namespace segtopo {

namespace {

std::uint32_t lowest_bit(std::uint32_t set) {
  return set & (~set + 1);
}

/// Returns the bits of `set` at the positions of `mask`, packed together.
std::uint32_t extract_bits(std::uint32_t set, std::uint32_t mask) {
  std::uint32_t result = 0;
  for (int next = 0; mask != 0; mask &= mask - 1, ++next)
    if (set & lowest_bit(mask)) result |= std::uint32_t{1} << next;
  return result;
}

/// Moves packed bits back to the positions of `mask`: the inverse of `extract_bits`.
std::uint32_t deposit_bits(std::uint32_t packed, std::uint32_t mask) {
  std::uint32_t result = 0;
  for (; mask != 0; mask &= mask - 1, packed >>= 1)
    if (packed & 1) result |= lowest_bit(mask);
  return result;
}

/// Whether the set contains the faces of its cells.
template <int Dim> bool is_closed(std::uint32_t star) {
  for (std::uint32_t rest = star; rest != 0; rest &= rest - 1) {
    const std::uint32_t faces = star_cells<Dim>.faces[std::countr_zero(rest)];
    if ((star & faces) != faces) return false;
  }
  return true;
}

/// The top cells whose facets are in the skeleton, as bits from 0.
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

/// Computes the matching of one lower star by coreduction: a cell with exactly one unmatched facet is paired with that
/// facet. If there is no such cell, the unmatched cell of smallest code becomes critical. For subcomplexes of a sphere
/// this greedy rule leaves the least possible number of critical cells.
template <int Dim> void LowerStarTable<Dim>::match(std::uint32_t star) {
  ByCode partners, positions{};
  partners.fill(absent);
  std::uint32_t critical = 0;
  std::uint8_t next_position = 0;
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
    positions[partner] = next_position++; // a facet comes before its partner
    positions[cell] = next_position++;
    unmatched &= ~(std::uint32_t{1} << cell | std::uint32_t{1} << partner);
  }
  partners_.push_back(partners);
  positions_.push_back(positions);
  critical_.push_back(critical);
}

template class LowerStarTable<2>;
template class LowerStarTable<3>;

} // namespace segtopo
