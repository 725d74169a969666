#include "bindings/binding_tools.hpp"
#include "bindings/bindings.hpp"
#include "simplicial/filtered_complex.hpp"
#include "simplicial/rips_persistence.hpp"
#include "simplicial/simplex_pairs.hpp"

#include <nanobind/stl/vector.h>

#include <cstdint>
#include <iterator>
#include <vector>

namespace segtopo {

using namespace nb::literals;

namespace {

template <class Value, int Axes> using Array = nb::ndarray<const Value, nb::ndim<Axes>, nb::c_contig, nb::device::cpu>;

/// For each dimension, the column of births and the column of deaths.
nb::list to_numpy(const PairsByDimension& pairs_by_dimension) {
  nb::list result;
  for (const auto& pairs : pairs_by_dimension) {
    Column births(pairs.size()), deaths(pairs.size());
    for (Index i = 0; i < std::ssize(pairs); ++i) {
      births[i] = Index{pairs[i].birth};
      deaths[i] = pairs[i].death == SimplexPair::never ? -1 : Index{pairs[i].death};
    }
    result.append(nb::make_tuple(births.to_numpy(), deaths.to_numpy()));
  }
  return result;
}

nb::list filtered_complex(std::size_t vertex_count, const std::vector<Array<std::uint32_t, 2>>& facets) {
  std::vector<FacetTable> tables;
  for (const auto& table : facets) tables.push_back({table.shape(1), {table.data(), table.size()}});
  return to_numpy(run_interruptibly(
      1, [&](const Execution& execution) { return filtered_complex_persistence(vertex_count, tables, execution); }));
}

nb::list rips(std::size_t vertex_count, const Array<std::int64_t, 2>& edges, const Array<double, 1>& lengths,
              std::size_t max_dimension) {
  if (edges.shape(0) != lengths.shape(0) || edges.shape(1) != 2)
    throw nb::value_error("expected the two vertices and the length of each edge");
  const WeightedGraph graph{vertex_count, {edges.data(), edges.size()}, {lengths.data(), lengths.size()}};
  return to_numpy(run_interruptibly(
      1, [&](const Execution& execution) { return rips_persistence(graph, max_dimension, execution); }));
}

} // namespace

void bind_complexes(nb::module_& m) {
  m.def("filtered_complex_persistence", &filtered_complex, "vertex_count"_a, "facets"_a,
        "Computes the persistence pairs of a filtered simplicial complex. facets[k - 1] has shape (n, k + 1) and holds "
        "the facets of the k-simplices. Simplices are numbered within their dimension, in the order of the filtration. "
        "Returns (births, deaths) for each dimension: the numbers of the simplices that create and destroy each class; "
        "a death of -1 means that the class is essential.");
  m.def("rips_persistence", &rips, "vertex_count"_a, "edges"_a, "lengths"_a, nb::kw_only(), "max_dimension"_a,
        "Computes the persistence pairs of the flag complex of a graph with edges (m, 2) and lengths (m,) >= 0. "
        "Returns (births, deaths) for each dimension: the numbers of the edges at which each class is created and "
        "destroyed. Births in dimension 0 are numbers of vertices; a death of -1 means that the class is essential.");
}

} // namespace segtopo
