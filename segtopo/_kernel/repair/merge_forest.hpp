#pragma once

#include "common/large_memory.hpp"
#include "common/union_find.hpp"
#include "cubical/extremum_persistence.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace segtopo {

/// The extrema outside of a mask, each with the way to the mask: a saddle to pass, and the extremum behind it.
///
/// The ways are those of the maximum spanning tree: the saddles on the way of an extremum enter the filtration before
/// any other way to the mask does. A branch is a set of extrema that saddles have joined. The ways in a branch without
/// a voxel of the mask lead to one of its extrema, its end.
class MergeForest {
public:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  /// is_in_mask(age) tells whether an extremum is in the mask.
  template <class IsInMask>
  MergeForest(std::size_t extremum_count, const LargeVector<PathEnds>& ends, IsInMask is_in_mask)
      : ends_(ends), branches_(extremum_count + 1), size_(extremum_count + 1, 1), meets_mask_(extremum_count + 1),
        saddle_(extremum_count + 1, none) {
    for (std::size_t age = 1; age <= extremum_count; ++age) meets_mask_[age] = is_in_mask(static_cast<Age>(age));
  }

  /// Joins the branches at the two ends of the next saddle. If both meet the mask, returns the younger branch, by the
  /// age of its eldest extremum; otherwise 0.
  Age join(std::uint32_t saddle) {
    const auto [one, other] = ends_[saddle];
    const Age a = branches_.find(one), b = branches_.find(other);
    if (a == b) return 0;
    const bool both = meets_mask_[a] && meets_mask_[b];
    // The smaller of two branches turns, so that an extremum turns a logarithmic number of times.
    if (!both) turn(meets_mask_[a] || (!meets_mask_[b] && size_[a] > size_[b]) ? other : one, saddle);
    const auto [elder, younger] = std::minmax(a, b);
    branches_.link(elder, younger);
    size_[elder] += size_[younger];
    meets_mask_[elder] = meets_mask_[elder] || meets_mask_[younger];
    return both ? younger : 0;
  }

  /// The saddle to pass from an extremum outside of the mask.
  std::uint32_t saddle(Age extremum) const { return saddle_[extremum]; }

private:
  const LargeVector<PathEnds>& ends_;
  UnionFind branches_;
  std::vector<std::uint32_t> size_;   ///< by eldest extremum: the number of extrema of its branch
  std::vector<bool> meets_mask_;      ///< by eldest extremum: whether its branch has a voxel of the mask
  std::vector<std::uint32_t> saddle_; ///< by extremum

  /// Turns the ways of a branch around, so that they lead to one of its extrema and from there over a saddle.
  void turn(Age extremum, std::uint32_t saddle) {
    while (saddle != none) {
      const std::uint32_t next_saddle = std::exchange(saddle_[extremum], saddle);
      if (next_saddle != none) extremum = other_end(next_saddle, extremum);
      saddle = next_saddle;
    }
  }

  Age other_end(std::uint32_t saddle, Age end) const {
    return ends_[saddle][0] == end ? ends_[saddle][1] : ends_[saddle][0];
  }
};

} // namespace segtopo
