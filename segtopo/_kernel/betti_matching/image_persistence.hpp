#pragma once

#include "betti_matching/mixed_loop_matrix.hpp"
#include "cubical/vertex_persistence.hpp"

#include <array>
#include <cstdint>
#include <ranges>
#include <vector>

namespace segtopo {

/// The persistence of the image of one filtration in another that contains it (Bauer, Schmahl 2022): of the maps that
/// the inclusions induce in homology, on the V-construction.
///
/// A class of the image is born with a cell of the domain and dies with a cell of the codomain: in matrix terms, rows
/// have the order of the domain, columns that of the codomain. Classes that one of the two filtrations creates and
/// destroys with the same voxel are left out; none of them lives for a time.
template <int Dim, class Key, class Storage> class ImagePersistence {
public:
  /// Numbers of critical cells: of dimension k in the domain, k + 1 in the codomain.
  struct Pair {
    std::uint32_t birth, death;
  };
  std::array<LargeVector<Pair>, Dim> pairs; ///< by dimension

  /// Critical cells of one dimension whose classes never die: in the domain (birth), in the codomain (death).
  std::array<LargeVector<Pair>, Dim + 1> essential;

  using Filtered = VertexPersistence<Dim, Key, Storage>;

  ImagePersistence(const Filtered& domain, const Filtered& codomain, const Execution& execution)
      : domain_(domain), codomain_(codomain), execution_(execution) {
    pair_minima();
    pair_maxima();
    pair_loops();
  }

private:
  const Filtered& domain_;
  const Filtered& codomain_;
  const Execution& execution_;

  void pair_minima() {
    join_basins(
        DescendingFlow<Dim, Key, Storage>(codomain_.gradient), {codomain_.cells(0), codomain_.order[0]},
        {domain_.cells(0), domain_.order[0]}, {codomain_.cells(1), codomain_.order[1]}, codomain_.order[1],
        codomain_.essential[0],
        [this](std::uint32_t minimum, std::uint32_t edge) { pairs[0].push_back({minimum, edge}); },
        [this](std::uint32_t minimum, std::uint32_t own) { essential[0].push_back({minimum, own}); });
  }

  /// In the dual complex domain and codomain change places.
  void pair_maxima() {
    const CellNumbers own = domain_.maxima_eldest_first(), others = codomain_.maxima_eldest_first();
    const CellNumbers& facets = domain_.enclosing_facets();
    join_basins(
        AscendingFlow<Dim, Key, Storage>(domain_.gradient), {domain_.cells(Dim), own}, {codomain_.cells(Dim), others},
        {domain_.cells(Dim - 1), facets}, std::views::reverse(facets), domain_.essential[Dim],
        [this](std::uint32_t maximum, std::uint32_t facet) { pairs[Dim - 1].push_back({facet, maximum}); },
        [this](std::uint32_t maximum, std::uint32_t facet) { essential[Dim].push_back({facet, maximum}); });
  }

  /// In 2D the loops that are filled have been paired already, as cavities.
  void pair_loops() {
    const bool match_loops = pair_if_single(1), match_cavities = Dim == 3 && pair_if_single(2);
    if (Dim == 2 && !match_loops) return;
    MixedLoopMatrix<Dim, Key, Storage> matrix(domain_, codomain_, execution_);
    matrix.pair_loops([this](std::uint32_t edge, std::uint32_t square) {
      if (Dim == 3) pairs[1].push_back({edge, square});
    });
    if (match_loops)
      matrix.pair_essential_loops(
          [this](std::uint32_t one, std::uint32_t other) { essential[1].push_back({one, other}); });
    if (match_cavities)
      matrix.pair_essential_cavities(
          [this](std::uint32_t one, std::uint32_t other) { essential[2].push_back({one, other}); });
  }

  /// Pairs the classes of dimension k that never die if there is only one; otherwise returns whether there are any.
  bool pair_if_single(int k) {
    if (domain_.essential[k].size() != 1) return !domain_.essential[k].empty();
    essential[k].push_back({domain_.essential[k].front(), codomain_.essential[k].front()});
    return false;
  }

  /// Pairs saddles of one filtration, by the elder rule, with extrema of the other.
  ///
  /// A basin of the first is as old as the eldest of the second's extrema in it. It takes no account of when the basin
  /// reaches that extremum: if this is after the basin has been joined to another, the class lives for no time. All
  /// cells are given with the eldest first; `joins` are the saddles in the order in which they join basins. Calls
  /// on_essential with the extrema of both, the other's first, that share a branch that never ends.
  template <class Flow, class Joins, class OnPair, class OnEssential>
  void join_basins(const Flow& flow, const OrderedCells& own, const OrderedCells& others, const OrderedCells& saddles,
                   const Joins& joins, const CellNumbers& own_essential, OnPair on_pair, OnEssential on_essential) {
    Basins basins(flow, own.cells, own.order, execution_);
    std::vector<bool> is_wanted(saddles.cells.size(), false);
    for (const std::uint32_t saddle : saddles.order) is_wanted[saddle] = true;
    auto ends = basins.path_ends(saddles.cells, [&](Index saddle) { return is_wanted[saddle]; });

    // Basins are renumbered by the age of the other's extremum; those without one are younger than all others.
    const auto other_count = static_cast<Age>(others.order.size());
    LargeVector<Age> age(own.order.size() + 1, Age{0});
    std::vector<Index> path;
    for (Age i = other_count; i > 0; --i) age[basins(flow.site(others.cells[others.order[i - 1]]), path)] = i;
    age[0] = 0;
    for (std::size_t basin = 1; basin < age.size(); ++basin)
      if (age[basin] == 0) age[basin] = other_count + static_cast<Age>(basin);
    for (const std::uint32_t saddle : saddles.order) ends[saddle] = {age[ends[saddle][0]], age[ends[saddle][1]]};

    UnionFind branches = pair_extrema(
        other_count + own.order.size(), ends, joins, execution_,
        [&](Age younger, std::uint32_t saddle) {
          if (younger <= other_count) on_pair(others.order[younger - 1], saddle);
        },
        [](std::uint32_t) {}, [](Age) {});

    for (const std::uint32_t extremum : own_essential) {
      const Age basin = basins(flow.site(own.cells[extremum]), path);
      on_essential(others.order[branches.find(age[basin]) - 1], extremum);
    }
  }
};

} // namespace segtopo
