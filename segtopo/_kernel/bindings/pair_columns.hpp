#pragma once

#include "betti_matching/betti_matching.hpp"
#include "bindings/binding_tools.hpp"
#include "cubical/voxel_pair.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

namespace segtopo {

using PairsOfImages = std::vector<LargeVector<VoxelPair>>;
using PartnersOfImages = std::vector<LargeVector<std::uint32_t>>;

/// The pairs of a batch of images as four columns: image, dimension, birth index, death index.
class PairColumns {
public:
  PairColumns(const PairsOfImages& batch, const Execution& execution)
      : begins_(begins_of(batch)), image_(begins_.back()), dimension_(begins_.back()), birth_index_(begins_.back()),
        death_index_(begins_.back()) {
    for (std::size_t image = 0; image < batch.size(); ++image) {
      const auto ranges = split(std::ssize(batch[image]), 1024, execution);
      parallel_for(std::ssize(ranges), execution, [&](Index task) {
        for (Index i = ranges[task].begin; i < ranges[task].end; ++i)
          fill_row(begin(image) + i, static_cast<Index>(image), batch[image][i]);
      });
    }
  }

  /// The row of the first pair of an image.
  Index begin(std::size_t image) const { return static_cast<Index>(begins_[image]); }

  std::size_t row_count() const { return begins_.back(); }

  nb::tuple to_numpy() {
    return nb::make_tuple(image_.to_numpy(), dimension_.to_numpy(), birth_index_.to_numpy(), death_index_.to_numpy());
  }

private:
  std::vector<std::size_t> begins_; ///< the first row of each image, then the number of rows
  Column image_, dimension_, birth_index_, death_index_;

  static std::vector<std::size_t> begins_of(const PairsOfImages& batch) {
    std::vector<std::size_t> begins{0};
    for (const auto& pairs : batch) begins.push_back(begins.back() + pairs.size());
    return begins;
  }

  void fill_row(Index row, Index image, const VoxelPair& pair) {
    image_[row] = image;
    dimension_[row] = pair.dimension;
    birth_index_[row] = pair.birth;
    death_index_[row] = pair.death == VoxelPair::never ? -1 : Index{pair.death};
  }
};

/// The Betti matchings of a batch: the pairs of the predictions, those of the targets, and for each pair of the
/// predictions the row of its partner.
class MatchingColumns {
public:
  MatchingColumns(const PairsOfImages& predictions, const PairsOfImages& targets, const PartnersOfImages& partners,
                  const Execution& execution)
      : prediction_(predictions, execution), target_(targets, execution), partner_(prediction_.row_count()) {
    for (std::size_t image = 0; image < partners.size(); ++image)
      for (Index row = prediction_.begin(image); const std::uint32_t number : partners[image])
        partner_[row++] = number == BettiMatching::none ? -1 : target_.begin(image) + number;
  }

  nb::tuple to_numpy() { return nb::make_tuple(prediction_.to_numpy(), target_.to_numpy(), partner_.to_numpy()); }

private:
  PairColumns prediction_, target_;
  Column partner_;
};

} // namespace segtopo
