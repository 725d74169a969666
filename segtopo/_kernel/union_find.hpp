#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

namespace segtopo {

/// Disjoint sets of the numbers 0 .. n-1, each represented by its smallest member. Numbered by age, the
/// representative is the eldest.
class UnionFind {
public:
  using Node = std::uint32_t;

  explicit UnionFind(std::size_t size) : parent_(size) { std::iota(parent_.begin(), parent_.end(), Node{0}); }

  Node find(Node node) {
    while (parent_[node] != node) node = parent_[node] = parent_[parent_[node]];
    return node;
  }

  /// Joins two representatives.
  void link(Node elder, Node younger) { parent_[younger] = elder; }

private:
  std::vector<Node> parent_;
};

} // namespace segtopo
