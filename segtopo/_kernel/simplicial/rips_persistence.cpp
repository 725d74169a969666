#include "simplicial/rips_persistence.hpp"

#include "simplicial/cohomology_reduction.hpp"
#include "simplicial/common_neighbours.hpp"
#include "simplicial/component_pairs.hpp"
#include "simplicial/flag_complex.hpp"
#include "simplicial/simplex_index.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace segtopo {

namespace {

template <class Neighbours> class RipsPersistence {
public:
  RipsPersistence(const WeightedGraph& graph, const EdgeOrder& edges, std::size_t max_dimension,
                  const Execution& execution)
      : vertex_count_(graph.vertex_count), edges_(edges), neighbours_(graph.vertex_count, edges),
        binomials_(graph.vertex_count, max_dimension), execution_(execution) {
    // Throws at once if the simplices of the highest dimension cannot be numbered.
    SimplexNumbering(binomials_, vertex_count_, edges.size(), max_dimension + 1);
    pairs_.push_back(pair_components());
    for (std::size_t k = 1; k <= max_dimension; ++k) pairs_.push_back(pair_simplices(k));
  }

  PairsByDimension take_pairs() { return std::move(pairs_); }

private:
  using Columns = typename CohomologyReduction<Neighbours>::Columns;

  std::size_t vertex_count_;
  const EdgeOrder& edges_;
  Neighbours neighbours_;
  Binomials binomials_;
  const Execution& execution_;
  std::vector<bool> joins_; ///< by edge: it joins two components
  Columns ends_;            ///< by simplex of the next dimension that destroys a class, without apparent pairs
  PairsByDimension pairs_;

  std::vector<SimplexPair> pair_components() {
    joins_.assign(edges_.size(), false);
    const auto ends_of = [this](std::size_t rank) {
      const auto& [first, second] = edges_[static_cast<EdgeRank>(rank)];
      return std::array{first, second};
    };
    std::vector<SimplexPair> pairs;
    for (const auto& [vertex, rank] : component_pairs(vertex_count_, ends_of, joins_))
      if (rank == SimplexPair::never)
        pairs.push_back({vertex, SimplexPair::never});
      else if (edges_.length(rank) > 0)
        pairs.push_back({vertex, edges_.number(rank)});
    return pairs;
  }

  std::vector<SimplexPair> pair_simplices(std::size_t dimension) {
    FlagComplex<Neighbours> complex(edges_, neighbours_, binomials_, vertex_count_, dimension, execution_);
    CohomologyReduction<Neighbours> reduction(complex, execution_);
    std::vector<SimplexPair> pairs;
    for (EdgeRank edge = static_cast<EdgeRank>(edges_.size()); edge-- > 0;) {
      execution_.throw_if_cancelled();
      complex.for_each_not_apparent(edge, [&](SimplexIndex simplex) {
        if (dimension == 1 ? joins_[edge] : ends_.contains(simplex)) return; // it destroys a class (clearing)
        SimplexIndex pivot;
        if (!reduction.reduce(simplex, pivot))
          pairs.push_back({edges_.number(edge), SimplexPair::never});
        else if (const EdgeRank death = complex.cofacets.edge(pivot); edges_.length(edge) < edges_.length(death))
          pairs.push_back({edges_.number(edge), edges_.number(death)});
      });
    }
    ends_ = reduction.take_columns();
    std::ranges::reverse(pairs);
    return pairs;
  }
};

/// Whether a matrix of all pairs of vertices needs at most a few times the memory of lists of neighbours.
bool is_dense(const WeightedGraph& graph) {
  return graph.vertex_count * graph.vertex_count <= 16 * graph.lengths.size();
}

} // namespace

PairsByDimension rips_persistence(const WeightedGraph& graph, std::size_t max_dimension, const Execution& execution) {
  const EdgeOrder edges(graph);
  if (is_dense(graph)) return RipsPersistence<DenseNeighbours>(graph, edges, max_dimension, execution).take_pairs();
  return RipsPersistence<SparseNeighbours>(graph, edges, max_dimension, execution).take_pairs();
}

} // namespace segtopo
