#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

namespace segtopo {

/// A point of a persistence diagram: birth and death.
using DiagramPoint = std::array<double, 2>;

/// The distance of the maximum norm.
inline double distance(const DiagramPoint& a, const DiagramPoint& b) {
  return std::max(std::abs(a[0] - b[0]), std::abs(a[1] - b[1]));
}

/// A set of points from which points are removed: a KD-tree that counts the points left in each of its boxes.
class PointTree {
public:
  using Number = std::int32_t;
  static constexpr Number none = -1;

  explicit PointTree(std::span<const DiagramPoint> points)
      : points_(points), order_(points.size()), leaf_of_(points.size()) {
    std::iota(order_.begin(), order_.end(), 0);
    if (!points.empty()) build(0, static_cast<Number>(points.size()), none);
    restore();
  }

  /// Puts all points back.
  void restore() {
    is_left_.assign(points_.size(), true);
    for (Node& node : nodes_) node.left = node.end - node.begin;
  }

  bool contains(Number point) const { return is_left_[point]; }

  void remove(Number point) {
    is_left_[point] = false;
    for (Number at = leaf_of_[point]; at != none; at = nodes_[at].parent) --nodes_[at].left;
  }

  /// Any point left within a distance, or `none`.
  Number find_within(const DiagramPoint& centre, double radius) const {
    return nodes_.empty() ? none : find_within(0, centre, radius);
  }

  /// The distance of the nearest point left, or infinity.
  double nearest(const DiagramPoint& centre) const {
    double best = std::numeric_limits<double>::infinity();
    if (!nodes_.empty()) search_nearest(0, centre, best);
    return best;
  }

private:
  static constexpr Number leaf_size = 8;

  /// A box with the points order_[begin .. end - 1]. Its first child is the next node.
  struct Node {
    DiagramPoint lowest, highest;
    Number begin, end, parent, second_child, left;
  };

  std::span<const DiagramPoint> points_;
  std::vector<Number> order_;   ///< the points, those of a node together
  std::vector<Number> leaf_of_; ///< by point
  std::vector<Node> nodes_;
  std::vector<bool> is_left_; ///< by point

  Number build(Number begin, Number end, Number parent) {
    const auto number = static_cast<Number>(nodes_.size());
    Node node{points_[order_[begin]], points_[order_[begin]], begin, end, parent, none, 0};
    for (Number i = begin; i < end; ++i)
      for (int axis = 0; axis < 2; ++axis) {
        node.lowest[axis] = std::min(node.lowest[axis], points_[order_[i]][axis]);
        node.highest[axis] = std::max(node.highest[axis], points_[order_[i]][axis]);
      }
    nodes_.push_back(node);
    if (end - begin <= leaf_size) {
      for (Number i = begin; i < end; ++i) leaf_of_[order_[i]] = number;
      return number;
    }
    const int axis = node.highest[0] - node.lowest[0] >= node.highest[1] - node.lowest[1] ? 0 : 1;
    const Number middle = begin + (end - begin) / 2;
    std::nth_element(order_.begin() + begin, order_.begin() + middle, order_.begin() + end,
                     [&](Number a, Number b) { return points_[a][axis] < points_[b][axis]; });
    build(begin, middle, number);
    nodes_[number].second_child = build(middle, end, number);
    return number;
  }

  static double distance_to_box(const Node& node, const DiagramPoint& centre) {
    double result = 0;
    for (int axis = 0; axis < 2; ++axis)
      result = std::max({result, node.lowest[axis] - centre[axis], centre[axis] - node.highest[axis]});
    return result;
  }

  Number find_within(Number number, const DiagramPoint& centre, double radius) const {
    const Node& node = nodes_[number];
    if (node.left == 0 || distance_to_box(node, centre) > radius) return none;
    if (node.second_child == none) {
      for (Number i = node.begin; i < node.end; ++i)
        if (is_left_[order_[i]] && distance(points_[order_[i]], centre) <= radius) return order_[i];
      return none;
    }
    const Number found = find_within(number + 1, centre, radius);
    return found != none ? found : find_within(node.second_child, centre, radius);
  }

  void search_nearest(Number number, const DiagramPoint& centre, double& best) const {
    const Node& node = nodes_[number];
    if (node.left == 0 || distance_to_box(node, centre) >= best) return;
    if (node.second_child == none) {
      for (Number i = node.begin; i < node.end; ++i)
        if (is_left_[order_[i]]) best = std::min(best, distance(points_[order_[i]], centre));
      return;
    }
    Number nearer = number + 1, farther = node.second_child;
    if (distance_to_box(nodes_[nearer], centre) > distance_to_box(nodes_[farther], centre)) std::swap(nearer, farther);
    search_nearest(nearer, centre, best);
    search_nearest(farther, centre, best);
  }
};

} // namespace segtopo
