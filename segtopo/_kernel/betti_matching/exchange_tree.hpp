#pragma once

#include "common/union_find.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace segtopo {

/// A spanning forest of least total weight, to which edges are added one after the other in any order.
///
/// The forest is stored as the links of a union-find that joins by weight: at weight w, the nodes reached by links up
/// to w are one component. Of two nodes, the one of lower rank is linked to the other. The ranks are a fixed shuffle,
/// so the paths have a logarithmic expected length.
class ExchangeTree {
public:
  using Node = UnionFind::Node;
  using Weight = std::uint32_t;
  static constexpr Weight none = std::numeric_limits<Weight>::max();

  explicit ExchangeTree(std::size_t node_count) : links_(node_count, {0, none}) {}

  /// Adds an edge. Returns the weight of the edge that leaves the forest, `none` if the edge joins two trees. All
  /// weights differ.
  Weight add(Node a, Node b, Weight weight) {
    while (true) {
      a = representative(a, weight);
      b = representative(b, weight);
      if (a == b) return weight;
      if (rank(a) > rank(b)) std::swap(a, b);
      std::swap(links_[a].to, b);
      std::swap(links_[a].weight, weight);
      if (weight == none) return none;
    }
  }

private:
  struct Link {
    Node to;
    Weight weight;
  };
  std::vector<Link> links_; ///< by node; the link of a root has the weight `none`

  static std::uint32_t rank(Node node) { return (node + 1) * 2654435769u; }

  Node representative(Node node, Weight weight) const {
    while (links_[node].weight < weight) node = links_[node].to;
    return node;
  }
};

} // namespace segtopo
