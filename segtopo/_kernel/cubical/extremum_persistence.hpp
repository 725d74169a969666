#pragma once

#include "common/large_memory.hpp"
#include "common/relaxed_access.hpp"
#include "common/union_find.hpp"
#include "cubical/gradient_flow.hpp"
#include "cubical/ordered_cells.hpp"
#include "cubical/outside_pieces.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <vector>

namespace segtopo {

/// The number of a piece of the outside or of an extremum by age. The pieces, from 0, are elder than all extrema.
using Age = UnionFind::Node;

/// The extrema at the ends of the two gradient paths of a saddle.
using PathEnds = std::array<Age, 2>;

/// The basins of extrema: for every site, the extremum or the piece of the outside at the end of its gradient path.
///
/// Paths that meet have the same end, so the end of a path is stored at each of its sites. Several threads may store
/// the end of the same site; they store the same number.
template <class Flow> class Basins {
public:
  /// `pieces`: null if the outside is one piece.
  Basins(const Flow& flow, const Cells& extrema, const CellNumbers& eldest_first, const Execution& execution,
         const OutsidePieces* pieces = nullptr)
      : flow_(flow), pieces_(pieces), execution_(execution), known_(flow.slot_count()) {
    const auto ranges = split(std::ssize(extrema), 64, execution);
    parallel_for(std::ssize(ranges), execution, [&](Index task) {
      for (Index i = ranges[task].begin; i < ranges[task].end; ++i)
        known_[flow.slot(flow.site(extrema[eldest_first[i]]))] =
            static_cast<Age>(i + 1 + (pieces ? pieces->count() : 1));
    });
  }

  /// The extremum, or the piece of the outside, whose basin contains a site. `path` is working memory.
  Age operator()(Index site, std::vector<Index>& path) {
    Age end = 0;
    path.clear();
    while ((end = load_relaxed(known_[flow_.slot(site)])) == 0) {
      const Index next = flow_.next(site);
      if (next == Flow::outside) {
        end = pieces_ ? (*pieces_)(flow_.voxel(site)) + 1 : 1;
        break;
      }
      if (path.size() % 65536 == 0) execution_.throw_if_cancelled(); // paths across a plateau are long
      path.push_back(site);
      site = next;
    }
    for (const Index passed : path) store_relaxed(known_[flow_.slot(passed)], end);
    return end - 1;
  }

  /// Computes the path ends of the saddles for which is_wanted(number) is true. The others have no valid entry.
  template <class IsWanted> LargeVector<PathEnds> path_ends(const Cells& saddles, IsWanted is_wanted) {
    LargeVector<PathEnds> ends(saddles.size());
    const auto ranges = split(std::ssize(saddles), 64, execution_);
    parallel_for(std::ssize(ranges), execution_, [&](Index task) {
      std::vector<Index> path;
      for (Index i = ranges[task].begin; i < ranges[task].end; ++i) {
        if (!is_wanted(i)) continue;
        const auto [one, other] = flow_.sides(saddles[i]);
        ends[i] = {(*this)(one, path), (*this)(other, path)};
      }
    });
    return ends;
  }

private:
  const Flow flow_;
  const OutsidePieces* pieces_;
  const Execution& execution_;
  LargeArray<Age> known_; ///< by slot of the site inside: age + 1, or 0 if unknown
};

/// Pairs extrema with saddles by union-find and the elder rule.
///
/// A branch is a set of extrema that saddles have joined. `saddles` holds numbers of saddles, sorted by the filtration.
/// Calls on_pair(elder, younger, saddle) if a saddle joins two branches: the younger branch ends. Calls
/// on_cycle(saddle) if both ends of a saddle are in the same branch. Calls on_survivor(age) for the branches of extrema
/// that never end. Returns the branches.
template <class Saddles, class OnPair, class OnCycle, class OnSurvivor>
UnionFind pair_extrema(std::size_t piece_count, std::size_t extremum_count, const LargeVector<PathEnds>& ends,
                       const Saddles& saddles, const Execution& execution, OnPair on_pair, OnCycle on_cycle,
                       OnSurvivor on_survivor) {
  const std::size_t count = piece_count + extremum_count;
  UnionFind branches(count);
  std::vector<bool> ended(count, false);
  // The ends of several saddles are read at a time: then the processor waits once for all of them.
  std::array<PathEnds, 256> block;
  const auto count_of_saddles = std::ssize(saddles);
  for (Index begin = 0; begin < count_of_saddles; begin += std::ssize(block)) {
    execution.throw_if_cancelled();
    const Index size = std::min<Index>(std::ssize(block), count_of_saddles - begin);
    for (Index i = 0; i < size; ++i) block[i] = ends[saddles[begin + i]];
    for (Index i = 0; i < size; ++i) {
      const std::uint32_t saddle = saddles[begin + i];
      const Age a = branches.find(block[i][0]), b = branches.find(block[i][1]);
      if (a == b) {
        on_cycle(saddle);
        continue;
      }
      const Age elder = std::min(a, b), younger = std::max(a, b);
      branches.link(elder, younger);
      ended[younger] = true;
      on_pair(elder, younger, saddle);
    }
  }
  for (std::size_t age = piece_count; age < count; ++age)
    if (!ended[age]) on_survivor(static_cast<Age>(age));
  return branches;
}

} // namespace segtopo
