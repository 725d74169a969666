#include "assignment/partial_assignment.hpp"

#include "common/parallel.hpp"

#include <algorithm>
#include <utility>

namespace segtopo {

PartialAssignment::PartialAssignment(const SparseCosts& pairs, const DualMatching& matching, double tolerance)
    : result_(matching), tolerance_(tolerance) {
  auto& [rows, columns] = sides_;
  const std::size_t num_rows = matching.row_duals.size(), num_columns = matching.column_duals.size();
  rows.dual = matching.row_duals;
  columns.dual = matching.column_duals;
  rows.starts.assign(pairs.row_starts.begin(), pairs.row_starts.end());
  columns.starts.assign(num_columns + 1, 0);
  for (const std::int64_t column : pairs.columns) ++columns.starts[column + 1];
  for (std::size_t j = 0; j < num_columns; ++j) columns.starts[j + 1] += columns.starts[j];
  rows.arcs.reserve(pairs.costs.size());
  columns.arcs.resize(pairs.costs.size());
  std::vector<std::int64_t> next(columns.starts.begin(), columns.starts.end() - 1);
  columns.mate.assign(num_columns, none);
  for (std::size_t i = 0; i < num_rows; ++i) {
    rows.mate.push_back(static_cast<Node>(matching.row_mates[i]));
    if (rows.mate[i] != none) columns.mate[rows.mate[i]] = static_cast<Node>(i);
    for (std::int64_t k = rows.starts[i]; k < rows.starts[i + 1]; ++k) {
      rows.arcs.push_back({pairs.costs[k], static_cast<Node>(pairs.columns[k])});
      columns.arcs[next[pairs.columns[k]]++] = {pairs.costs[k], static_cast<Node>(i)};
    }
  }
  const std::size_t longest = std::max(num_rows, num_columns);
  tree_.distance.assign(longest, std::numeric_limits<double>::infinity());
  tree_.parent.assign(longest, none);
}

void PartialAssignment::solve(const Execution& execution) {
  release_violated_rows();
  for (const int side : {0, 1}) {
    const Side& here = sides_[side];
    for (Node node = 0; node < std::ssize(here.mate); ++node) {
      execution.throw_if_cancelled();
      if (here.mate[node] == none && here.dual[node] < 0) match(side, node);
    }
  }
  std::ranges::copy(sides_[0].mate, result_.row_mates.begin());
}

/// Lowers the duals of rows that violate a pair, and unmatches these rows: their matched pairs are no longer tight.
void PartialAssignment::release_violated_rows() {
  auto& [rows, columns] = sides_;
  for (Node row = 0; row < std::ssize(rows.mate); ++row) {
    double highest = 0;
    for (const Arc& arc : rows.arcs_of(row)) highest = std::min(highest, arc.cost - columns.dual[arc.to]);
    if (highest >= rows.dual[row] - tolerance_) continue;
    rows.dual[row] = highest;
    if (rows.mate[row] != none) columns.mate[rows.mate[row]] = none;
    rows.mate[row] = none;
  }
}

/// Finds a shortest augmenting path from an unmatched node whose dual is not 0, and changes the matching along it.
void PartialAssignment::match(int side, Node root) {
  Side &here = sides_[side], &other = sides_[1 - side];
  End end;
  relax(here, other, root, 0, end);
  while (!tree_.queue.empty() && tree_.queue.top().first < end.distance) {
    const auto [distance, node] = tree_.queue.top();
    tree_.queue.pop();
    if (distance == tree_.distance[node]) relax(here, other, other.mate[node], distance, end);
  }
  improve_duals(here, other, root, end);
  augment(here, other, root, end);
  for (const Node node : tree_.touched) tree_.distance[node] = std::numeric_limits<double>::infinity();
  tree_.touched.clear();
  tree_.queue = {};
}

/// Extends the shortest paths by the pairs of one node.
void PartialAssignment::relax(const Side& here, const Side& other, Node node, double distance, End& end) {
  if (distance - here.dual[node] < end.distance) end = {distance - here.dual[node], none, node};
  for (const Arc& arc : here.arcs_of(node)) {
    // Rounding can make a reduced cost slightly negative.
    const double reached = distance + std::max(0.0, arc.cost - here.dual[node] - other.dual[arc.to]);
    if (reached >= std::min(end.distance, tree_.distance[arc.to])) continue;
    if (tree_.distance[arc.to] == std::numeric_limits<double>::infinity()) tree_.touched.push_back(arc.to);
    tree_.distance[arc.to] = reached;
    tree_.parent[arc.to] = node;
    if (other.mate[arc.to] == none)
      end = {reached, arc.to, none};
    else
      tree_.queue.emplace(reached, arc.to);
  }
}

/// Changes the duals so that all pairs of the shortest path are tight. The duals remain feasible.
void PartialAssignment::improve_duals(Side& here, Side& other, Node root, const End& end) {
  here.dual[root] = std::min(0.0, here.dual[root] + end.distance);
  for (const Node node : tree_.touched) {
    const double slack = end.distance - tree_.distance[node];
    if (slack <= 0) continue;
    other.dual[node] -= slack;
    here.dual[other.mate[node]] = std::min(0.0, here.dual[other.mate[node]] + slack);
  }
  if (end.released != none) here.dual[end.released] = 0;
}

/// Exchanges matched and unmatched pairs along the shortest path.
void PartialAssignment::augment(Side& here, Side& other, Node root, const End& end) {
  Node gained = end.free;
  if (end.released != none) gained = std::exchange(here.mate[end.released], none);
  if (end.released == root) return;
  for (Node node = none; node != root;) {
    node = tree_.parent[gained];
    other.mate[gained] = node;
    gained = std::exchange(here.mate[node], gained);
  }
}

} // namespace segtopo
