// Tests of the persistence of simplicial complexes without Python, for the sanitizers: laws that hold for every graph.

#include "checks.hpp"
#include "simplicial/filtered_complex.hpp"
#include "simplicial/rips_persistence.hpp"
#include "simplicial/simplex_index.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

using namespace segtopo;

namespace {

struct Graph {
  std::size_t vertex_count;
  std::vector<std::int64_t> ends = {};
  std::vector<double> lengths = {};

  operator WeightedGraph() const { return {vertex_count, ends, lengths}; }
};

/// A graph with random lengths. Few levels give ties; many levels give distinct lengths. The density is in percent.
Graph random_graph(int vertices, int density, int levels, Random& random) {
  Graph graph{static_cast<std::size_t>(vertices)};
  for (int first = 0; first < vertices; ++first)
    for (int second = first + 1; second < vertices; ++second) {
      if (uniform(random, 1, 100) > density) continue;
      graph.ends.insert(graph.ends.end(), {first, second});
      graph.lengths.push_back(uniform(random, 0, levels));
    }
  return graph;
}

using Simplex = std::vector<std::int64_t>;
using Points = std::vector<std::multiset<std::pair<double, double>>>; ///< by dimension, births and deaths

constexpr double never = std::numeric_limits<double>::infinity();

/// The k-simplices of the flag complex with their diameters, sorted by diameter.
std::vector<std::pair<double, Simplex>> flag_simplices(const Graph& graph, std::size_t k) {
  std::map<std::pair<std::int64_t, std::int64_t>, double> length;
  for (std::size_t i = 0; i < graph.lengths.size(); ++i)
    length[{graph.ends[2 * i], graph.ends[2 * i + 1]}] = graph.lengths[i];
  std::vector<std::pair<double, Simplex>> found;
  auto extend = [&](auto&& self, const Simplex& simplex, double diameter) -> void {
    if (simplex.size() == k + 1) return found.push_back({diameter, simplex});
    const auto count = static_cast<std::int64_t>(graph.vertex_count);
    for (std::int64_t v = simplex.empty() ? 0 : simplex.back() + 1; v < count; ++v) {
      double larger = diameter;
      bool is_joined = true;
      for (const std::int64_t u : simplex) {
        const auto edge = length.find({u, v});
        is_joined = is_joined && edge != length.end();
        if (is_joined) larger = std::max(larger, edge->second);
      }
      Simplex extended = simplex;
      extended.push_back(v);
      if (is_joined) self(self, extended, larger);
    }
  };
  extend(extend, {}, 0.0);
  std::ranges::sort(found);
  return found;
}

/// Computes the diagrams with the explicit coboundary matrix.
Points explicit_diagrams(const Graph& graph, std::size_t max_dimension) {
  std::vector<std::vector<double>> diameters;
  std::vector<std::vector<std::uint32_t>> facets;
  std::map<Simplex, std::uint32_t> number;
  for (std::size_t k = 0; k <= max_dimension + 1; ++k) {
    diameters.emplace_back();
    facets.emplace_back();
    std::map<Simplex, std::uint32_t> next;
    for (const auto& [diameter, simplex] : flag_simplices(graph, k)) {
      next.emplace(simplex, static_cast<std::uint32_t>(next.size()));
      diameters[k].push_back(diameter);
      for (std::size_t j = 0; k > 0 && j <= k; ++j) {
        Simplex facet = simplex;
        facet.erase(facet.begin() + static_cast<std::ptrdiff_t>(j));
        facets[k].push_back(number.at(facet));
      }
    }
    number = std::move(next);
  }
  std::vector<FacetTable> tables;
  for (std::size_t k = 1; k < facets.size(); ++k) tables.push_back({k + 1, facets[k]});
  const auto pairs = filtered_complex_persistence(graph.vertex_count, tables, {});
  check(pairs.size() == max_dimension + 2, "there is a list of pairs for each dimension");
  Points points(max_dimension + 1);
  for (std::size_t k = 0; k <= max_dimension; ++k)
    for (const auto& [birth, death] : pairs[k]) {
      const double died = death == SimplexPair::never ? never : diameters[k + 1][death];
      if (diameters[k][birth] != died) points[k].insert({diameters[k][birth], died});
    }
  return points;
}

Points implicit_diagrams(const Graph& graph, std::size_t max_dimension) {
  const auto pairs = rips_persistence(graph, max_dimension, {});
  Points points(pairs.size());
  for (std::size_t k = 0; k < pairs.size(); ++k)
    for (const auto& [birth, death] : pairs[k])
      points[k].insert(
          {k == 0 ? 0.0 : graph.lengths[birth], death == SimplexPair::never ? never : graph.lengths[death]});
  return points;
}

void test_implicit_and_explicit_matrices_agree(Random& random) {
  std::size_t loops = 0, cavities = 0;
  for (int round = 0; round < 60; ++round) {
    const int levels = std::vector{0, 3, 1000}[round % 3];
    for (const auto& [vertices, density] : {std::pair{8, 100}, {13, 70}, {40, 9}, {1, 100}, {6, 0}}) {
      const Graph graph = random_graph(vertices, density, levels, random);
      for (const std::size_t max_dimension : {0, 1, 3}) {
        const Points expected = explicit_diagrams(graph, max_dimension);
        check(implicit_diagrams(graph, max_dimension) == expected, "an implicit matrix changes nothing");
        if (max_dimension == 3) loops += expected[1].size(), cavities += expected[2].size();
      }
    }
  }
  check(loops > 100 && cavities > 10, "random graphs have loops and cavities");
}

/// Sets of k vertices are numbered from 0, sorted by their largest vertices.
void test_simplex_numbering() {
  constexpr std::size_t vertex_count = 9;
  const Binomials binomials(vertex_count, 5);
  check(binomials(9, 4) == 126 && binomials(3, 4) == 0 && binomials(0, 0) == 1, "binomial coefficients");
  for (std::size_t k = 1; k <= 5; ++k) {
    const SimplexNumbering numbering(binomials, vertex_count, 100, k + 1);
    for (std::uint64_t number = 0; number < binomials(vertex_count, k); ++number) {
      Vertices rest;
      const SimplexIndex simplex = numbering.index(77, number);
      numbering.get_rest(simplex, rest);
      check(rest.size() == k && std::ranges::adjacent_find(rest, std::greater_equal()) == rest.end(), "rests rise");
      check(numbering.rest_number(rest) == number && numbering.edge(simplex) == 77, "numbers are those of simplices");
      Vertices others(rest.begin() + 1, rest.end());
      check(numbering.rest_number_with(others, rest[0]) == number, "a vertex is added");
      std::vector<std::uint64_t> without;
      numbering.get_rest_numbers_without(rest, without);
      check(without[0] == numbering.rest_number(others), "a vertex is left out");
    }
  }
}

void test_too_many_simplices(Random& random) {
  const Graph graph = random_graph(200, 30, 1000, random);
  check(throws<std::length_error>([&] { rips_persistence(graph, 10, {}); }), "indices do not wrap");
  const Binomials binomials(200, 100);
  check(binomials(200, 100) == Binomials::too_large && binomials(70, 35) == Binomials::too_large, "nor coefficients");
}

void test_cancellation(Random& random) {
  const Graph graph = random_graph(150, 100, 1 << 20, random);
  for (const int delay : {0, 5, 30}) { // milliseconds: in different stages
    StopFlag stop{false};
    JoinedThreads threads;
    threads.start([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(delay));
      stop = true;
    });
    throws<Cancelled>([&] { rips_persistence(graph, 2, {1, &stop}); });
  }
  const StopFlag stopped{true};
  check(throws<Cancelled>([&] { rips_persistence(graph, 2, {1, &stopped}); }), "a cancelled one ends");
  const std::vector<std::uint32_t> edges{0, 1, 1, 2, 0, 2};
  auto filtered = [&] { filtered_complex_persistence(3, {{2, edges}}, {1, &stopped}); };
  check(throws<Cancelled>(filtered), "a cancelled filtered complex ends");
}

} // namespace

int main() {
  Random random(20);
  test_simplex_numbering();
  test_implicit_and_explicit_matrices_agree(random);
  test_too_many_simplices(random);
  test_cancellation(random);
  std::puts("all tests of complexes passed");
}
