#include "assignment/bottleneck_matching.hpp"
#include "assignment/partial_assignment.hpp"
#include "bindings/binding_tools.hpp"
#include "bindings/bindings.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

namespace segtopo {

using namespace nb::literals;

namespace {

template <class Value> using Vector = nb::ndarray<Value, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <class Value> std::span<Value> span_of(const Vector<Value>& vector) {
  return {vector.data(), vector.size()};
}

void check_input(const SparseCosts& pairs, const DualMatching& matching) {
  auto is_column = [&](Index j) { return 0 <= j && j < std::ssize(matching.column_duals); };
  auto is_mate = [&](Index j) { return j == -1 || is_column(j); };
  const auto& starts = pairs.row_starts;
  if (starts.size() != matching.row_mates.size() + 1 || matching.row_mates.size() != matching.row_duals.size() ||
      pairs.columns.size() != pairs.costs.size() || starts.front() != 0 || starts.back() != std::ssize(pairs.columns) ||
      !std::ranges::is_sorted(starts) || !std::ranges::all_of(pairs.columns, is_column) ||
      !std::ranges::all_of(matching.row_mates, is_mate))
    throw nb::value_error("expected the pairs of each row, a mate and a dual for each row, a dual for each column");
}

void partial_assignment(const Vector<const Index>& row_starts, const Vector<const Index>& columns,
                        const Vector<const double>& costs, const Vector<Index>& row_mates,
                        const Vector<double>& row_duals, const Vector<double>& column_duals, double tolerance) {
  const SparseCosts pairs{span_of(row_starts), span_of(columns), span_of(costs)};
  const DualMatching matching{span_of(row_mates), span_of(row_duals), span_of(column_duals)};
  check_input(pairs, matching);
  run_interruptibly(
      1, [&](const Execution& execution) { PartialAssignment(pairs, matching, tolerance).solve(execution); });
}

using Points = nb::ndarray<const double, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;

std::vector<DiagramPoint> points_of(const Points& rows) {
  std::vector<DiagramPoint> points(rows.shape(0));
  for (std::size_t i = 0; i < points.size(); ++i) points[i] = {rows.data()[2 * i], rows.data()[2 * i + 1]};
  return points;
}

nb::object partners(const Points& first, const Points& second) {
  constexpr std::size_t few = 500; // starting a thread takes longer than the matching of few points
  const auto one = points_of(first), other = points_of(second);
  std::vector<std::int64_t> found;
  if (one.size() + other.size() < few)
    found = bottleneck_matching(one, other, {});
  else
    found =
        run_interruptibly(1, [&](const Execution& execution) { return bottleneck_matching(one, other, execution); });
  Column column(found.size());
  for (std::size_t i = 0; i < found.size(); ++i) column[static_cast<Index>(i)] = found[i];
  return column.to_numpy();
}

} // namespace

void bind_assignment(nb::module_& m) {
  m.def("partial_assignment", &partial_assignment, "row_starts"_a, "columns"_a, "costs"_a, "row_mates"_a.noconvert(),
        "row_duals"_a.noconvert(), "column_duals"_a.noconvert(), nb::kw_only(), "tolerance"_a,
        "Finds a matching of rows with columns of least total cost. An unmatched row or column costs 0. The pairs of "
        "row i are columns[k], at costs[k], for k from row_starts[i] to row_starts[i + 1]. row_mates, row_duals and "
        "column_duals are changed in place. On entry they must be an optimal solution for some subset of the pairs. "
        "Mates of -1 and duals of 0 are an optimal solution for no pairs.");
  m.def("bottleneck_matching", &partners, "first"_a, "second"_a,
        "Matches the points (n, 2) and (m, 2) of two persistence diagrams so that the largest distance in the maximum "
        "norm is as small as possible; an unmatched point counts with its distance from the diagonal. Returns (n,) "
        "partners in the second diagram, -1 for none.");
}

} // namespace segtopo
