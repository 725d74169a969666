// Tests of Betti matching without Python, for the sanitizers: laws that hold for every pair of images.

#include "betti_matching/betti_matching.hpp"
#include "betti_matching/exchange_tree.hpp"
#include "checks.hpp"
#include "random_images.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <vector>

using namespace segtopo;

namespace {

using Partners = std::set<std::array<std::uint32_t, 6>>;

/// The matched pairs of classes: dimension, birth and death of the prediction's class, then those of the target's
/// class.
Partners partners(const BettiMatching& matching) {
  Partners found;
  for (std::size_t i = 0; i < matching.prediction.size(); ++i) {
    if (matching.partner[i] == BettiMatching::none) continue;
    const VoxelPair &p = matching.prediction[i], &g = matching.target[matching.partner[i]];
    found.insert({p.dimension, p.birth, p.death, g.dimension, g.birth, g.death});
  }
  return found;
}

template <class Value> std::vector<Value> halved(std::vector<Value> image) {
  for (Value& value : image) value /= 2;
  return image;
}

/// Two random images, the target binary, and the ways to match them.
template <int Dim, class Value> struct Case {
  Shape<Dim> shape;
  Construction construction;
  std::optional<double> threshold; ///< under superlevel
  std::vector<Value> prediction{}, target{};

  void fill(Random& random) {
    prediction.resize(static_cast<std::size_t>(size_of<Dim>(shape)));
    target.resize(prediction.size());
    for (Value& value : prediction) value = static_cast<Value>(uniform(random, 0, 64)) / 64;
    for (Value& value : target) value = static_cast<Value>(uniform(random, 0, 1));
  }

  BettiMatching match(const std::vector<Value>& to, int num_threads) const {
    return betti_matching<Dim, Value>(prediction.data(), to.data(), shape, Filtration::superlevel, construction,
                                      threshold, table<Dim>(), {num_threads});
  }

  /// Matches the halved images. Their order is the same, but the target is not binary.
  BettiMatching match_halved(int num_threads) const {
    const auto p = halved(prediction), g = halved(target);
    const auto halved_threshold = threshold ? std::optional(1 - (1 - *threshold) / 2) : std::nullopt;
    return betti_matching<Dim, Value>(p.data(), g.data(), shape, Filtration::superlevel, construction, halved_threshold,
                                      table<Dim>(), {num_threads});
  }
};

template <int Dim, class Value> void test_matching(const Shape<Dim>& shape, Random& random) {
  for (const auto threshold : {std::optional<double>(), std::optional(0.0), std::optional(0.75), std::optional(1.0)})
    for (const auto construction : {Construction::vertices, Construction::top_cells}) {
      Case<Dim, Value> example{shape, construction, threshold};
      example.fill(random);
      const auto expected = partners(example.match(example.target, 1));
      check(expected.size() > 1, "random images have classes to match");
      check(partners(example.match(example.target, 3)) == expected, "threads change nothing");
      for (const int num_threads : {1, 3})
        check(partners(example.match_halved(num_threads)) == expected, "binary targets match as any other");
      const auto own = example.match(example.prediction, 2);
      for (std::size_t i = 0; i < own.partner.size(); ++i)
        check(own.partner[i] == i && own.prediction[i] == own.target[i], "an image matches itself");
    }
}

/// Against a spanning forest of all edges so far, by rising weight: of two forests, one edge is in the earlier alone.
void test_exchange_tree(Random& random) {
  struct Edge {
    UnionFind::Node a, b;
  };
  for (int round = 0; round < 100; ++round) {
    const int nodes = uniform(random, 1, 12), count = uniform(random, 1, 40);
    std::vector<std::uint32_t> weights(static_cast<std::size_t>(count));
    std::iota(weights.begin(), weights.end(), 0u);
    std::ranges::shuffle(weights, random);
    ExchangeTree tree(static_cast<std::size_t>(nodes));
    std::map<std::uint32_t, Edge> edges;
    std::set<std::uint32_t> forest;
    for (const std::uint32_t weight : weights) {
      const auto any_node = [&] { return static_cast<UnionFind::Node>(uniform(random, 0, nodes - 1)); };
      edges[weight] = {any_node(), any_node()};
      UnionFind joined(static_cast<std::size_t>(nodes));
      std::set<std::uint32_t> left = forest;
      left.insert(weight);
      forest.clear();
      for (const auto& [of_edge, edge] : edges) {
        const auto a = joined.find(edge.a), b = joined.find(edge.b);
        if (a == b) continue;
        joined.link(a, b);
        forest.insert(of_edge);
        left.erase(of_edge);
      }
      const std::uint32_t expected = left.empty() ? ExchangeTree::none : *left.begin();
      check(tree.add(edges[weight].a, edges[weight].b, weight) == expected, "the right edge leaves the forest");
    }
  }
}

} // namespace

int main() {
  Random random(20);
  test_exchange_tree(random);
  test_matching<2, float>({41, 30}, random);
  test_matching<3, float>({12, 17, 9}, random);
  test_matching<3, double>({40, 33, 31}, random);
  std::puts("all tests of Betti matching passed");
}
