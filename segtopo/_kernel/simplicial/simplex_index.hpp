#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

namespace segtopo {

using Vertex = std::uint32_t;
using EdgeRank = std::uint32_t;       ///< the position of an edge in the order of the filtration
using SimplexIndex = std::uint64_t;   ///< numbers the simplices of one dimension in the order of the filtration
using Vertices = std::vector<Vertex>; ///< sorted

/// A table of binomial coefficients. Coefficients that 64 bits do not hold are `too_large`.
class Binomials {
public:
  static constexpr std::uint64_t too_large = std::numeric_limits<std::uint64_t>::max();

  Binomials(std::size_t largest_n, std::size_t largest_k) : rows_(largest_n + 1), values_((largest_k + 1) * rows_, 0) {
    std::fill_n(values_.begin(), rows_, 1);
    for (std::size_t k = 1; k <= largest_k; ++k)
      for (std::size_t n = 1; n < rows_; ++n) {
        const std::uint64_t without = (*this)(n - 1, k), with = (*this)(n - 1, k - 1);
        values_[k * rows_ + n] = with > too_large - without ? too_large : with + without;
      }
  }

  std::uint64_t operator()(std::size_t n, std::size_t k) const { return values_[k * rows_ + n]; }

  /// The largest n < bound with binomial (n, k) <= value.
  std::size_t largest_n(std::uint64_t value, std::size_t k, std::size_t bound) const {
    const auto begin = values_.begin() + static_cast<std::ptrdiff_t>(k * rows_);
    const auto end = std::upper_bound(begin, begin + static_cast<std::ptrdiff_t>(bound), value);
    return static_cast<std::size_t>(end - begin) - 1;
  }

private:
  std::size_t rows_;
  std::vector<std::uint64_t> values_; ///< by k, then n
};

/// Numbers the simplices of dimension k >= 1 of a flag complex in the order of the filtration.
///
/// The upper bits are the rank of the last edge of the simplex, which sets its diameter. The lower bits number the
/// rest, the k - 1 vertices that are not on that edge, in the combinatorial number system.
class SimplexNumbering {
public:
  /// Throws std::length_error where 63 bits do not hold the numbers.
  SimplexNumbering(const Binomials& binomials, std::size_t vertex_count, std::size_t edge_count, std::size_t dimension)
      : binomials_(binomials), rest_size_(dimension - 1), vertex_count_(vertex_count),
        rest_bits_(std::bit_width(binomials(vertex_count, rest_size_))) {
    if (rest_bits_ + std::bit_width(edge_count) > 63)
      throw std::length_error("the simplices of the highest dimension are more than 63 bits number: fewer points, a "
                              "shorter longest edge or a lower dimension are supported");
  }

  SimplexIndex index(EdgeRank edge, std::uint64_t rest) const { return SimplexIndex{edge} << rest_bits_ | rest; }

  EdgeRank edge(SimplexIndex simplex) const { return static_cast<EdgeRank>(simplex >> rest_bits_); }

  /// Writes the vertices that are not on the last edge of the simplex.
  void get_rest(SimplexIndex simplex, Vertices& rest) const {
    std::uint64_t number = simplex & ((SimplexIndex{1} << rest_bits_) - 1);
    rest.resize(rest_size_);
    std::size_t bound = vertex_count_;
    for (std::size_t k = rest_size_; k > 0; --k) {
      bound = k == 1 ? number : binomials_.largest_n(number, k, bound);
      rest[k - 1] = static_cast<Vertex>(bound);
      number -= binomials_(bound, k);
    }
  }

  /// The number of a set of vertices among the sets of its size.
  std::uint64_t rest_number(std::span<const Vertex> rest) const {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < rest.size(); ++i) number += binomials_(rest[i], i + 1);
    return number;
  }

  /// The number of the set with one vertex added.
  std::uint64_t rest_number_with(std::span<const Vertex> rest, Vertex vertex) const {
    std::uint64_t number = 0;
    std::size_t size = 0;
    for (; size < rest.size() && rest[size] < vertex; ++size) number += binomials_(rest[size], size + 1);
    number += binomials_(vertex, size + 1);
    for (; size < rest.size(); ++size) number += binomials_(rest[size], size + 2);
    return number;
  }

  /// Writes, for each vertex of a set, the number of the set without it.
  void get_rest_numbers_without(std::span<const Vertex> vertices, std::vector<std::uint64_t>& numbers) const {
    numbers.assign(vertices.size(), 0);
    for (std::size_t left_out = 0; left_out < vertices.size(); ++left_out)
      for (std::size_t i = 0; i < vertices.size(); ++i)
        if (i != left_out) numbers[left_out] += binomials_(vertices[i], i + (i < left_out));
  }

private:
  const Binomials& binomials_;
  std::size_t rest_size_, vertex_count_;
  int rest_bits_;
};

} // namespace segtopo
