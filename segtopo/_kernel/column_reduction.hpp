#pragma once

#include "lower_star_gradient.hpp"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace segtopo {

/// Pairs the critical edges that create a loop with the critical squares that fill it, in 3D.
///
/// Columns of the Morse complex's boundary matrix are reduced over Z2, squares in the order of the
/// filtration. A column is a chain of edges in a heap, highest first, and its boundary is expanded lazily:
/// when an edge that the gradient pairs with a square comes to the top, that square's boundary is added,
/// which replaces the edge by lower ones. When a critical edge comes to the top and is the pivot of an
/// earlier column, that column is added.
template <class Key> class ColumnReduction {
public:
  explicit ColumnReduction(const LowerStarGradient<3, Key>& gradient) : gradient_(gradient), image_(gradient.image) {}

  /// Reduces the column of `square`, which comes after all squares of earlier calls, and returns its pivot.
  Cell reduce(const Cell& square) {
    std::vector<Edge> column;
    add_boundary(column, square);
    for (;;) {
      const Edge top = pop_top(column);
      if (top.is_paired()) {
        replace_by_lower(column, top);
        continue;
      }
      const auto [place, is_new] = columns_.try_emplace(top.packed);
      if (is_new) {
        place->second = std::move(column);
        return top.cell();
      }
      for (const Edge& edge : cancelled(place->second)) push(column, edge);
    }
  }

private:
  /// An edge in the order of the columns: by the highest voxel; of one lower star, the edges paired with a
  /// square come above the critical ones, so that a critical edge at the top is the pivot of the whole lower
  /// star.
  struct Edge {
    Key key;
    std::uint64_t packed; ///< highest voxel, whether paired with a square, code

    Edge(Key k, const Cell& cell, bool paired)
        : key(k), packed(static_cast<std::uint64_t>(cell.voxel) << 6 | std::uint64_t{paired} << 5 |
                         static_cast<std::uint64_t>(cell.code)) {}

    bool is_paired() const { return packed >> 5 & 1; }
    Cell cell() const { return {static_cast<Index>(packed >> 6), static_cast<int>(packed & 31)}; }
    bool operator<(const Edge& other) const { return key != other.key ? key < other.key : packed < other.packed; }
    bool operator==(const Edge& other) const { return packed == other.packed; }
  };

  static constexpr const StarCells<3>& cells = star_cells<3>;

  const LowerStarGradient<3, Key>& gradient_;
  const OrderedImage<3, Key>& image_;
  std::unordered_map<std::uint64_t, std::vector<Edge>> columns_; ///< reduced, without their pivots, by pivot

  static void push(std::vector<Edge>& column, const Edge& edge) {
    column.push_back(edge);
    std::push_heap(column.begin(), column.end());
  }

  static Edge pop(std::vector<Edge>& column) {
    std::pop_heap(column.begin(), column.end());
    const Edge edge = column.back();
    column.pop_back();
    return edge;
  }

  /// Takes the highest edge of the chain out of the heap; edges that occur twice cancel.
  static Edge pop_top(std::vector<Edge>& column) {
    for (;;) {
      const Edge edge = pop(column);
      if (column.empty() || !(column.front() == edge)) return edge;
      pop(column);
    }
  }

  /// The same chain with equal edges cancelled.
  static const std::vector<Edge>& cancelled(std::vector<Edge>& column) {
    std::sort(column.begin(), column.end());
    auto end = column.begin();
    for (auto edge = column.begin(); edge != column.end(); ++edge) {
      if (end != column.begin() && *(end - 1) == *edge)
        --end;
      else
        *end++ = *edge;
    }
    column.erase(end, column.end());
    return column;
  }

  /// Adds an edge to the chain, unless it is no part of the complex, or paired with its vertex: a gradient
  /// path ends there, and such an edge is never the highest of a cycle.
  void push_edge(std::vector<Edge>& column, const Cell& edge) const {
    if (image_.is_outside(edge.voxel)) return;
    const int partner = gradient_.partner(edge);
    if (partner != 0) push(column, Edge(image_.key(edge.voxel), edge, partner != edge.code));
  }

  void add_boundary(std::vector<Edge>& column, const Cell& square, int except = -1) const {
    for (int axis = 0; axis < 3; ++axis) {
      const int near = cells.face[square.code][axis];
      if (near < 0) continue;
      if (near != except) push_edge(column, {square.voxel, near});
      Index across = square.voxel + cells.displacement[square.code][axis] * image_.grid.strides[axis];
      push_edge(column, image_.from_highest_vertex({across, near}));
    }
  }

  void replace_by_lower(std::vector<Edge>& column, const Edge& edge) const {
    const Cell cell = edge.cell();
    add_boundary(column, {cell.voxel, gradient_.partner(cell)}, cell.code);
  }
};

} // namespace segtopo
