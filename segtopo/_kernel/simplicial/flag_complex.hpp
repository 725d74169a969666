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

/// A simplex of a flag complex, taken apart.
struct FlagSimplex {
  EdgeRank edge; ///< the last of its edges to enter
  Vertices rest; ///< its vertices that are not on that edge
  Vertices vertices;
};

/// The k-simplices of a flag complex with their cofacets and the apparent pairs among them.
///
/// A simplex and a cofacet are an apparent pair if each is the nearest to the other in the filtration: the simplex the
/// last facet of the cofacet, the cofacet the first one of the simplex (Bauer 2021). Their last edge is the same, so
/// they enter together, and they are a persistence pair. For simplices of one last edge, numbered by their rest, the
/// first cofacet adds the smallest vertex that can be added, and the last facet lacks the smallest one of the rest.
template <class Neighbours> class FlagComplex {
public:
  const SimplexNumbering simplices, cofacets;

  FlagComplex(const EdgeOrder& edges, const Neighbours& neighbours, const Binomials& binomials,
              std::size_t vertex_count, std::size_t dimension, const Execution& execution)
      : simplices(binomials, vertex_count, edges.size(), dimension),
        cofacets(binomials, vertex_count, edges.size(), dimension + 1), edges_(edges), neighbours_(neighbours),
        dimension_(dimension), execution_(execution) {}

  EdgeRank edge_count() const { return static_cast<EdgeRank>(edges_.size()); }

  /// Calls visit(cofacet) for each cofacet of a simplex whose last edge is in a range.
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

  /// The first cofacet if it enters with the simplex.
  bool find_cofacet_of_same_edge(SimplexIndex simplex, SimplexIndex& cofacet) {
    get(simplex, simplex_);
    Vertex added;
    if (!find_first_addition(simplex_, added)) return false;
    cofacet = cofacets.index(simplex_.edge, cofacets.rest_number_with(simplex_.rest, added));
    return true;
  }

  /// The simplex that is in an apparent pair with a cofacet, if there is one.
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

  /// Calls visit(simplex) for the simplices of one last edge that are in no apparent pair, neither with a facet nor
  /// with a cofacet, from the last to the first.
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

  /// The smallest vertex that can be added to a simplex without a later edge.
  bool find_first_addition(const FlagSimplex& parts, Vertex& added) const {
    bool is_found = false;
    neighbours_.for_each_common(parts.vertices, {0, parts.edge}, [&](const CommonNeighbour& found) {
      added = found.vertex;
      is_found = true;
      return false;
    });
    return is_found;
  }

  /// Adds to `rest`, given in falling order, each of the smaller vertices that can be added, until it is complete. The
  /// first of the candidates makes a simplex that is apparent with its facet; one that can itself be extended by a
  /// smaller vertex is apparent with a cofacet.
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
