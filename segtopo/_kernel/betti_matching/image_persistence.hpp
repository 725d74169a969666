#pragma once

#include "betti_matching/exchange_tree.hpp"
#include "betti_matching/mixed_loop_matrix.hpp"
#include "common/large_memory.hpp"
#include "common/parallel.hpp"
#include "common/union_find.hpp"
#include "cubical/extremum_persistence.hpp"
#include "cubical/vertex_persistence.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <vector>

namespace segtopo {

/// The numbers of two critical cells, one of the domain and one of the codomain.
struct MixedPair {
  std::uint32_t in_domain, in_codomain;
};

/// Image persistence (Bauer, Schmahl 2022): the persistence of the maps in homology that the inclusion of one
/// filtration (domain) in another (codomain) induces, for V-constructions.
///
/// A class of the image is created by a cell of the domain and destroyed by a cell of the codomain. In the boundary
/// matrix, the rows have the order of the domain and the columns have the order of the codomain. Classes that one of
/// the filtrations creates and destroys at the same voxel are left out. They have zero persistence.
template <int Dim, class Key, class Storage> class ImagePersistence {
public:
  /// By dimension k: a cell of dimension k that creates a class, and a cell of dimension k + 1 that destroys its image.
  std::array<LargeVector<MixedPair>, Dim> pairs;

  /// By dimension k: two cells of dimension k. The essential class of the domain maps to that of the codomain.
  std::array<LargeVector<MixedPair>, Dim + 1> essential;

  using Persistence = VertexPersistence<Dim, Key, Storage>;

  ImagePersistence(const Persistence& domain, const Persistence& codomain, const Execution& execution)
      : domain_(domain), codomain_(codomain), execution_(execution) {
    pair_minima();
    pair_maxima();
    pair_loops();
  }

private:
  const Persistence& domain_;
  const Persistence& codomain_;
  const Execution& execution_;

  void pair_minima() {
    join_basins(
        DescendingFlow<Dim, Key, Storage>(codomain_.gradient), {codomain_.cells(0), codomain_.order[0]},
        {domain_.cells(0), domain_.order[0]}, codomain_.cells(1), codomain_.order[1], codomain_.essential[0],
        [this](std::uint32_t minimum, std::uint32_t edge) { pairs[0].push_back({minimum, edge}); },
        [this](std::uint32_t domain, std::uint32_t codomain) { essential[0].push_back({domain, codomain}); });
  }

  /// In the dual complex, domain and codomain are exchanged.
  void pair_maxima() {
    const CellNumbers domain_maxima = domain_.maxima_eldest_first(), codomain_maxima = codomain_.maxima_eldest_first();
    const CellNumbers& facets = domain_.enclosing_facets();
    join_basins(
        AscendingFlow<Dim, Key, Storage>(domain_.gradient), {domain_.cells(Dim), domain_maxima},
        {codomain_.cells(Dim), codomain_maxima}, domain_.cells(Dim - 1), std::views::reverse(facets),
        domain_.essential[Dim],
        [this](std::uint32_t maximum, std::uint32_t facet) { pairs[Dim - 1].push_back({facet, maximum}); },
        [this](std::uint32_t codomain, std::uint32_t domain) { essential[Dim].push_back({domain, codomain}); });
  }

  /// In 2D, pair_maxima and pair_joins have paired all loops.
  void pair_loops() {
    for (int k = 1; k < Dim; ++k) pair_joins(k);
    if constexpr (Dim == 3) {
      const int k = !pair_if_single(1) ? 1 : !pair_if_single(2) ? 2 : 0;
      MixedLoopMatrix<Key, Storage> matrix(domain_, codomain_, k, execution_);
      matrix.pair([this](std::uint32_t edge, std::uint32_t square) { pairs[1].push_back({edge, square}); },
                  [&](std::uint32_t domain, std::uint32_t codomain) { essential[k].push_back({domain, codomain}); });
    }
  }

  /// Pairs the essential classes that join pieces of the outside.
  ///
  /// The pieces that a filtration has joined before some time determine its classes. So a join of the domain is paired
  /// with the join of the codomain that is the first to connect the same two pieces, given the joins of the domain
  /// before: the last one on the path between them in a spanning tree of these joins and those of the codomain.
  void pair_joins(int k) {
    const auto &of_domain = domain_.joins[k], &of_codomain = codomain_.joins[k];
    const auto count = static_cast<std::uint32_t>(of_domain.size());
    ExchangeTree tree(count + 1);
    for (std::uint32_t i = 0; i < count; ++i) tree.add(of_codomain[i].elder, of_codomain[i].younger, count + i);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t replaced = tree.add(of_domain[i].elder, of_domain[i].younger, i) - count;
      essential[k].push_back({of_domain[i].cell, of_codomain[replaced].cell});
    }
  }

  /// Pairs the essential classes of dimension k if there is only one of each. Returns whether all are paired.
  bool pair_if_single(int k) {
    if (essential[k].empty() && domain_.essential[k].size() == 1)
      essential[k].push_back({domain_.essential[k].front(), codomain_.essential[k].front()});
    return essential[k].size() == domain_.essential[k].size();
  }

  /// Joins the basins of the outer filtration by its saddles, and pairs the saddles with extrema of the inner
  /// filtration.
  ///
  /// A basin has the age of the eldest inner extremum in it. This ignores the time at which the basin reaches that
  /// extremum; if that is after the merge, the pair has zero persistence and is dropped later. Extrema are given with
  /// the eldest first, `saddles` in the order in which they join basins. Calls on_pair(inner extremum, saddle), and
  /// on_essential(inner extremum, outer extremum) for the extrema of a branch that never ends.
  template <class Flow, class Saddles, class OnPair, class OnEssential>
  void join_basins(const Flow& flow, const OrderedCells& outer, const OrderedCells& inner, const Cells& saddle_cells,
                   const Saddles& saddles, const CellNumbers& outer_essential, OnPair on_pair,
                   OnEssential on_essential) {
    Basins basins(flow, outer.cells, outer.order, execution_);
    std::vector<bool> is_wanted(saddle_cells.size(), false);
    for (const std::uint32_t saddle : saddles) is_wanted[saddle] = true;
    auto ends = basins.path_ends(saddle_cells, [&](Index saddle) { return is_wanted[saddle]; });

    // Basins get the age of their eldest inner extremum. Basins without one are younger than all others.
    const auto inner_count = static_cast<Age>(inner.order.size());
    LargeVector<Age> age(outer.order.size() + 1, Age{0});
    std::vector<Index> path;
    for (Age i = inner_count; i > 0; --i) age[basins(flow.site(inner.cells[inner.order[i - 1]]), path)] = i;
    age[0] = 0;
    for (std::size_t basin = 1; basin < age.size(); ++basin)
      if (age[basin] == 0) age[basin] = inner_count + static_cast<Age>(basin);
    for (const std::uint32_t saddle : saddles) ends[saddle] = {age[ends[saddle][0]], age[ends[saddle][1]]};

    UnionFind branches = pair_extrema(
        1, inner_count + outer.order.size(), ends, saddles, execution_,
        [&](Age, Age younger, std::uint32_t saddle) {
          if (younger <= inner_count) on_pair(inner.order[younger - 1], saddle);
        },
        [](std::uint32_t) {}, [](Age) {});

    for (const std::uint32_t extremum : outer_essential) {
      const Age basin = basins(flow.site(outer.cells[extremum]), path);
      on_essential(inner.order[branches.find(age[basin]) - 1], extremum);
    }
  }
};

} // namespace segtopo
