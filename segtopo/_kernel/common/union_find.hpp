#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace segtopo {

/// Disjoint sets of the numbers 0 .. n-1. The caller chooses the representative of a union; with nodes numbered by age,
/// the elder representative keeps the component (the elder rule).
class UnionFind {
public:
  using Node = std::uint32_t;

  explicit UnionFind(std::size_t size) : parent_(size) { std::iota(parent_.begin(), parent_.end(), Node{0}); }

  /// Returns the representative of the node's set and shortens the path to it (path halving).
  Node find(Node node) {
    while (parent_[node] != node) node = parent_[node] = parent_[parent_[node]];
    return node;
  }

  /// Joins the sets of two different representatives. `elder` represents the union.
  void link(Node elder, Node younger) { parent_[younger] = elder; }

private:
  std::vector<Node> parent_;
};

} // namespace segtopo
