#pragma once

#include "common/parallel.hpp"
#include "simplicial/common_neighbours.hpp"
#include "simplicial/edge_order.hpp"
#include "simplicial/simplex_index.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <iterator>
#include <span>
#include <vector>

namespace segtopo {

/// The parts of a simplex of a flag complex.
struct FlagSimplex {
  EdgeRank edge;     ///< the last edge in the filtration
  Vertices rest;     ///< the vertices that are not on that edge
  Vertices vertices; ///< all vertices
};

/// The k-simplices of a flag complex, their cofacets, and their apparent pairs.
///
/// A simplex and a cofacet are an apparent pair if the simplex is the last facet of the cofacet and the cofacet is the
/// first cofacet of the simplex (Bauer 2021). Here only pairs with the same last edge count. They are persistence
/// pairs, of zero persistence. The simplices of one last edge are numbered by their rest. So the first cofacet adds the
/// smallest possible vertex, and the last facet omits the smallest vertex of the rest.
template <class Neighbours> class FlagComplex {
public:
  const SimplexNumbering simplices, cofacets;

  FlagComplex(const EdgeOrder& edges, const Neighbours& neighbours, const Binomials& binomials,
              std::size_t vertex_count, std::size_t dimension, const Execution& execution)
      : simplices(binomials, vertex_count, edges.size(), dimension),
        cofacets(binomials, vertex_count, edges.size(), dimension + 1), edges_(edges), neighbours_(neighbours),
        dimension_(dimension), execution_(execution) {}

  EdgeRank edge_count() const { return static_cast<EdgeRank>(edges_.size()); }

  /// Calls visit(cofacet) for each cofacet of the simplex whose last edge is in the range.
  template <class Visit> void for_each_cofacet(SimplexIndex simplex, const EdgeRange& range, Visit visit) {
    const EdgeRank edge = simplices.edge(simplex);
    if (edge >= range.end) return;
    get(simplex, simplex_);
    cofacets.get_rest_numbers_without(simplex_.vertices, without_);
    const EdgeRange added_edges{edge >= range.begin ? 0 : range.begin, range.end};
    neighbours_.for_each_common(simplex_.vertices, added_edges, [&](const CommonNeighbour& found) {
      if (found.last_edge < simplex_.edge)
        visit(cofacets.index(simplex_.edge, cofacets.rest_number_with(simplex_.rest, found.vertex)));
      else
        visit(cofacets.index(found.last_edge, without_[found.end]));
      return true;
    });
  }

  /// Finds the first cofacet with the same last edge. Returns false if there is none.
  bool find_cofacet_of_same_edge(SimplexIndex simplex, SimplexIndex& cofacet) {
    get(simplex, simplex_);
    Vertex added;
    if (!find_first_addition(simplex_, added)) return false;
    cofacet = cofacets.index(simplex_.edge, cofacets.rest_number_with(simplex_.rest, added));
    return true;
  }

  /// Finds the simplex that forms an apparent pair with the cofacet. Returns false if there is none.
  bool find_apparent_facet(SimplexIndex cofacet, SimplexIndex& facet) {
    simplex_.edge = cofacets.edge(cofacet);
    cofacets.get_rest(cofacet, simplex_.rest);
    const Vertex smallest = simplex_.rest.front();
    simplex_.rest.erase(simplex_.rest.begin());
    join_vertices(simplex_);
    Vertex added;
    if (!find_first_addition(simplex_, added) || added != smallest) return false;
    facet = simplices.index(simplex_.edge, simplices.rest_number(simplex_.rest));
    return true;
  }

  /// Calls visit(simplex) for each simplex of one last edge that is in no apparent pair, neither with a facet nor with
  /// a cofacet, in falling order.
  template <class Visit> void for_each_not_apparent(EdgeRank edge, Visit visit) {
    const std::array<Vertex, 2> ends{edges_[edge].first, edges_[edge].second};
    candidates_.clear();
    neighbours_.for_each_common(ends, {0, edge}, [&](const CommonNeighbour& found) {
      candidates_.push_back(found.vertex);
      return dimension_ > 1;
    });
    if (dimension_ == 1) {
      if (candidates_.empty()) visit(simplices.index(edge, 0));
      return;
    }
    found_.clear();
    Vertices rest;
    extend(edge, rest, candidates_);
    std::ranges::sort(found_, std::greater());
    for (const SimplexIndex simplex : found_) visit(simplex);
  }

private:
  const EdgeOrder& edges_;
  const Neighbours& neighbours_;
  std::size_t dimension_;
  const Execution& execution_;
  FlagSimplex simplex_;
  std::vector<std::uint64_t> without_;
  std::vector<SimplexIndex> found_;
  Vertices candidates_;

  void get(SimplexIndex simplex, FlagSimplex& parts) const {
    parts.edge = simplices.edge(simplex);
    simplices.get_rest(simplex, parts.rest);
    join_vertices(parts);
  }

  void join_vertices(FlagSimplex& parts) const {
    parts.vertices = parts.rest;
    for (const Vertex end : {edges_[parts.edge].first, edges_[parts.edge].second})
      parts.vertices.insert(std::ranges::upper_bound(parts.vertices, end), end);
  }

  /// Finds the smallest vertex that can be added to the simplex without a later edge.
  bool find_first_addition(const FlagSimplex& parts, Vertex& added) const {
    bool is_found = false;
    neighbours_.for_each_common(parts.vertices, {0, parts.edge}, [&](const CommonNeighbour& found) {
      added = found.vertex;
      is_found = true;
      return false;
    });
    return is_found;
  }

  /// Extends `rest`, in falling order, by the candidates, recursively, and stores the complete simplices without an
  /// apparent pair. A simplex with the smallest candidate forms an apparent pair with its facet. A simplex that a
  /// smaller vertex extends forms an apparent pair with its cofacet.
  void extend(EdgeRank edge, Vertices& rest, const Vertices& candidates) {
    execution_.throw_if_cancelled();
    const bool is_last = rest.size() + 2 == dimension_;
    for (std::size_t i = is_last ? 1 : 0; i < candidates.size(); ++i) {
      const auto can_join = [&](Vertex v) { return neighbours_.edge(candidates[i], v) < edge; };
      const auto smaller = std::span(candidates).first(i);
      rest.push_back(candidates[i]);
      if (!is_last) {
        Vertices next;
        std::ranges::copy_if(smaller, std::back_inserter(next), can_join);
        extend(edge, rest, next);
      } else if (std::ranges::none_of(smaller, can_join)) {
        const Vertices rising(rest.rbegin(), rest.rend());
        found_.push_back(simplices.index(edge, simplices.rest_number(rising)));
      }
      rest.pop_back();
    }
  }
};

} // namespace segtopo
