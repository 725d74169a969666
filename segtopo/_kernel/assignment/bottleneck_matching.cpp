#include "assignment/bottleneck_matching.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace segtopo {

namespace {

using Number = PointTree::Number;
constexpr Number none = PointTree::none;
constexpr double infinity = std::numeric_limits<double>::infinity();

double to_diagonal(const DiagramPoint& point) {
  return 0.5 * std::abs(point[0] - point[1]);
}

/// A matching that covers all points of one diagram that are too far from the diagonal, and the smallest radius that
/// has one. Their partners are any points of the other diagram.
class Cover {
public:
  Cover(std::span<const DiagramPoint> points, std::span<const DiagramPoint> others, const Execution& execution)
      : points_(points), others_(others), execution_(execution), unseen_(others), free_(others),
        partner_(points.size(), none), mate_(others.size(), none) {}

  /// Finds the smallest radius from `low` on that has a cover, and a cover within it.
  double solve(double low) {
    // Every point is at least as far away as its nearest partner or the diagonal.
    double high = 0;
    for (const DiagramPoint& point : points_) {
      high = std::max(high, to_diagonal(point));
      if (to_diagonal(point) > low) low = std::max(low, std::min(to_diagonal(point), unseen_.nearest(point)));
    }
    double step = 0.05;
    std::vector<Number> best(points_.size(), none);
    for (double radius = low; low < high;) {
      const double larger = cover_within(radius);
      if (larger == 0) {
        high = std::max(low, longest());
        best = partner_;
      } else {
        low = std::max(larger, std::nextafter(radius, infinity));
      }
      // Small steps at first, because the lower bound is mostly near.
      radius = std::min(0.5 * (low + high), (1 + step) * low);
      if (larger != 0) step *= 2;
      if (radius >= high) radius = low;
    }
    partner_ = std::move(best);
    return high;
  }

  const std::vector<Number>& partners() const { return partner_; }

private:
  std::span<const DiagramPoint> points_, others_;
  const Execution& execution_;
  PointTree unseen_; ///< the partners that the current searches have not reached
  PointTree free_;   ///< the partners that are not matched
  std::vector<Number> partner_, mate_;
  std::vector<Number> reached_; ///< points of the current searches

  /// Returns 0 if there is a cover within the radius, otherwise the smallest larger radius that may have one.
  double cover_within(double radius) {
    keep_pairs_within(radius);
    std::vector<Number> uncovered;
    for (Number point = 0; point < std::ssize(points_); ++point)
      if (to_diagonal(points_[point]) > radius && partner_[point] == none) uncovered.push_back(point);
    while (!uncovered.empty()) {
      execution_.throw_if_cancelled();
      unseen_.restore();
      reached_.clear();
      const auto is_covered = [&](Number point) { return augment(point, radius); };
      const auto covered = std::erase_if(uncovered, is_covered);
      if (covered == 0) return next_radius(radius);
    }
    return 0;
  }

  /// Unmatches the pairs that are too far, and the points that are near the diagonal.
  void keep_pairs_within(double radius) {
    free_.restore();
    for (Number point = 0; point < std::ssize(points_); ++point) {
      Number& partner = partner_[point];
      if (partner == none) continue;
      if (to_diagonal(points_[point]) > radius && distance(points_[point], others_[partner]) <= radius) {
        free_.remove(partner);
        continue;
      }
      mate_[partner] = none;
      partner = none;
    }
  }

  /// Searches for an augmenting path from a point, depth first, over partners that no search of this phase has reached.
  bool augment(Number root, double radius) {
    std::vector<std::pair<Number, Number>> path; // a point, and the partner by which the search has left it
    for (Number point = root;;) {
      reached_.push_back(point);
      path.emplace_back(point, none);
      Number partner = free_.find_within(points_[point], radius);
      if (partner != none) {
        free_.remove(partner);
        if (unseen_.contains(partner)) unseen_.remove(partner);
        path.back().second = partner;
        for (const auto& [end, of_end] : path) {
          partner_[end] = of_end;
          mate_[of_end] = end;
        }
        return true;
      }
      while ((partner = unseen_.find_within(points_[point], radius)) == none) {
        path.pop_back();
        if (path.empty()) return false;
        point = path.back().first;
      }
      unseen_.remove(partner);
      path.back().second = partner;
      point = mate_[partner];
    }
  }

  /// The points reached compete for too few partners. A larger radius must bring one of them another partner or reach
  /// the diagonal.
  double next_radius(double radius) const {
    double next = infinity;
    for (const Number point : reached_)
      next = std::min({next, to_diagonal(points_[point]), unseen_.nearest(points_[point])});
    return std::max(next, std::nextafter(radius, infinity));
  }

  double longest() const {
    double result = 0;
    for (Number point = 0; point < std::ssize(points_); ++point)
      result = std::max(result, partner_[point] == none ? to_diagonal(points_[point])
                                                        : distance(points_[point], others_[partner_[point]]));
    return result;
  }
};

} // namespace

/// If one matching covers the points of `first` and another one those of `second`, their union contains a matching that
/// covers all of them (Mendelsohn and Dulmage 1958). The pairs of both form paths and cycles. On each of these the
/// pairs of the first matching are taken, unless they miss a point of `second` that the other matching covers.
std::vector<std::int64_t> bottleneck_matching(std::span<const DiagramPoint> first, std::span<const DiagramPoint> second,
                                              const Execution& execution) {
  Cover rows(first, second, execution), columns(second, first, execution);
  columns.solve(rows.solve(0));
  std::vector<std::int64_t> result(rows.partners().begin(), rows.partners().end());
  std::vector<Number> taken_by(second.size(), none);
  for (Number row = 0; row < std::ssize(result); ++row)
    if (result[row] != none) taken_by[result[row]] = row;
  for (Number end = 0; end < std::ssize(second); ++end)
    for (Number column = end; column != none && taken_by[column] == none;) {
      const Number row = columns.partners()[column];
      if (row == none) break;
      const auto released = static_cast<Number>(result[row]);
      result[row] = column;
      taken_by[column] = row;
      if (released != none) taken_by[released] = none;
      column = released;
    }
  return result;
}

} // namespace segtopo
