#pragma once

#include "common/large_memory.hpp"
#include "common/parallel.hpp"
#include "common/radix_sort.hpp"
#include "cubical/filtration.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <limits>
#include <stdexcept>

namespace segtopo {

/// Two images of one shape, and their union.
template <class Value> struct PredictionAndTarget {
  const Value* prediction;
  const Value* target;
  Filtration filtration;

  Value in_union(Index i) const {
    return filtration == Filtration::superlevel ? std::max(prediction[i], target[i])
                                                : std::min(prediction[i], target[i]);
  }

  /// Whether value a enters the filtration before value b.
  bool is_before(Value a, Value b) const { return filtration == Filtration::superlevel ? a > b : a < b; }

  KeyOf<Value> prediction_key(Index i) const { return entry_key(prediction[i], filtration); }
  KeyOf<Value> target_key(Index i) const { return entry_key(target[i], filtration); }
  KeyOf<Value> union_key(Index i) const { return entry_key(in_union(i), filtration); }
};

/// Whether the target is binary and the prediction is in [0, 1]. Then neither image holds NaN.
template <class Value>
bool has_binary_target(const PredictionAndTarget<Value>& images, Index size, const Execution& execution) {
  const Value *prediction = images.prediction, *target = images.target;
  std::atomic<bool> is_binary{true};
  const auto ranges = split(size, 1 << 14, execution);
  parallel_for(std::ssize(ranges), execution, [&](Index task) {
    bool all = true;
    for (Index i = ranges[task].begin; i < ranges[task].end; ++i)
      all &= ((target[i] == 0) | (target[i] == 1)) & (prediction[i] >= 0) & (prediction[i] <= 1);
    if (!all) is_binary = false;
  });
  return is_binary;
}

/// The key of a voxel in the order (target, prediction), for a binary target and a prediction in [0, 1].
///
/// Lemma: with ties broken by index, this is also the order (union, target, prediction) of the union. Proof, under
/// superlevel: where the target is 1, the union is 1; where the target is 0, the union is the prediction. So both
/// orders begin with the voxels of target 1, sorted by (prediction, index), and end with the voxels of target 0, sorted
/// by (prediction, index). Under sublevel, exchange 0 and 1. So one filtration serves for the target and for the union.
template <class Value> KeyOf<Value> binary_target_key(const PredictionAndTarget<Value>& images, Index i) {
  const Value first = images.filtration == Filtration::superlevel ? Value{1} : Value{0};
  const KeyOf<Value> shift = order_key(Value{1}) + 1; // more than the difference of any two keys of the prediction
  return images.prediction_key(i) - (images.target[i] == first ? shift : 0);
}

/// The position of each voxel in a lexicographic order. The keys are given from the least significant to the most
/// significant; ties are broken by index.
template <class Key, class... KeyOfVoxel>
LargeVector<Key> lexicographic_positions(Index size, const KeyOfVoxel&... key_of) {
  if (size > std::numeric_limits<std::int32_t>::max())
    throw std::length_error("targets that are not binary are supported up to 2^31 voxels");
  LargeVector<Keyed<Key>> voxels(size);
  for (Index i = 0; i < size; ++i) voxels[i].number = static_cast<std::uint32_t>(i);
  auto sort_by = [&](const auto& key) {
    for (Keyed<Key>& voxel : voxels) voxel.key = key(voxel.number);
    radix_sort(voxels);
  };
  (sort_by(key_of), ...);
  LargeVector<Key> positions(size);
  for (Index i = 0; i < size; ++i) positions[voxels[i].number] = static_cast<Key>(i);
  return positions;
}

} // namespace segtopo
