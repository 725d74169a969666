#pragma once

#include "common/parallel.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <queue>
#include <span>
#include <utility>
#include <vector>

namespace segtopo {

/// The allowed pairs of rows and columns, with their costs. The pairs of row i are row_starts[i] .. row_starts[i + 1]
/// - 1.
struct SparseCosts {
  std::span<const std::int64_t> row_starts, columns;
  std::span<const double> costs;
};

/// A matching and its dual solution, in memory of the caller.
///
/// They are optimal under three conditions. The duals are feasible: all are at most 0, and cost(i, j) >= row_duals[i] +
/// column_duals[j] for all pairs. Matched pairs attain equality. The duals of unmatched rows and columns are 0.
struct DualMatching {
  std::span<std::int64_t> row_mates; ///< the column matched with each row, or -1
  std::span<double> row_duals, column_duals;
};

/// Finds the matching of least total cost by shortest augmenting paths (Jonker and Volgenant 1987). An unmatched row or
/// column costs 0.
///
/// The start is a matching with duals that is optimal for some subset of the pairs. The less the
/// other pairs change, the less time it takes.
class PartialAssignment {
public:
  /// Pairs that violate the duals by at most the tolerance do not change the matching.
  PartialAssignment(const SparseCosts& pairs, const DualMatching& matching, double tolerance);

  void solve(const Execution& execution);

private:
  using Node = std::int32_t;
  using Reached = std::pair<double, Node>;

  struct Arc {
    double cost;
    Node to;
  };

  /// All rows, or all columns.
  struct Side {
    std::vector<std::int64_t> starts;
    std::vector<Arc> arcs;
    std::vector<Node> mate;
    std::span<double> dual;

    std::span<const Arc> arcs_of(Node node) const {
      return {arcs.data() + starts[node], arcs.data() + starts[node + 1]};
    }
  };

  /// The end of a shortest path: an unmatched node of the other side (`free`), or a node of this side that becomes
  /// unmatched (`released`).
  struct End {
    double distance = std::numeric_limits<double>::infinity();
    Node free = none, released = none;
  };

  /// The shortest paths from one node to the nodes of the other side.
  struct Tree {
    std::vector<double> distance;
    std::vector<Node> parent, touched;
    std::priority_queue<Reached, std::vector<Reached>, std::greater<>> queue;
  };

  static constexpr Node none = -1;

  void release_violated_rows();
  void match(int side, Node root);
  void relax(const Side& here, const Side& other, Node node, double distance, End& end);
  void improve_duals(Side& here, Side& other, Node root, const End& end);
  void augment(Side& here, Side& other, Node root, const End& end);

  std::array<Side, 2> sides_;
  Tree tree_;
  DualMatching result_;
  double tolerance_;
};

} // namespace segtopo
