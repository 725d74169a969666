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

/// The pairs that may be made of rows and columns: those of row i are at row_starts[i] .. row_starts[i + 1].
struct SparseCosts {
  std::span<const std::int64_t> row_starts, columns;
  std::span<const double> costs;
};

/// A matching with its dual solution, which both stay with the caller.
///
/// It is optimal when the duals are feasible, cost(i, j) >= row_duals[i] + column_duals[j] with all duals at most 0;
/// when matched pairs attain equality; and when the duals of whatever is unmatched are 0.
struct DualMatching {
  std::span<std::int64_t> row_mates; ///< the column matched with each row, or -1
  std::span<double> row_duals, column_duals;
};

/// The matching of least total cost, where rows and columns may stay unmatched at cost 0, by shortest augmenting paths
/// (Jonker and Volgenant 1987). It begins from any matching and duals that were optimal for some of the pairs, and pays
/// only for what the others change.
class PartialAssignment {
public:
  /// Pairs that violate the duals by no more than the tolerance leave the matching as it is.
  PartialAssignment(const SparseCosts& pairs, const DualMatching& matching, double tolerance);

  void solve(const Execution& execution);

private:
  using Node = std::int32_t;
  using Reached = std::pair<double, Node>;

  struct Arc {
    double cost;
    Node to;
  };

  /// The rows, or the columns.
  struct Side {
    std::vector<std::int64_t> starts;
    std::vector<Arc> arcs;
    std::vector<Node> mate;
    std::span<double> dual;

    std::span<const Arc> arcs_of(Node node) const {
      return {arcs.data() + starts[node], arcs.data() + starts[node + 1]};
    }
  };

  /// Where a shortest path ends: at an unmatched node of the other side, or by leaving a node of this side unmatched.
  struct End {
    double distance = std::numeric_limits<double>::infinity();
    Node free = none, left = none;
  };

  /// The shortest paths from a node to the nodes of the other side.
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
