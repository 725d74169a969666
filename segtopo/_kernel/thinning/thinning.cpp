#include "thinning/thinning.hpp"

#include "common/large_memory.hpp"
#include "cubical/cubical_persistence.hpp"
#include "cubical/simple_voxel.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace segtopo {

namespace {

/// The sides from which layers are removed: an axis and the sign of the step to the background.
struct Side {
  int axis, sign;
};

/// A part of even width has no voxel in the middle, and the order of the sides decides which one stays. In this order
/// most voxels are those of skimage's skeletons (Zhang's algorithm in 2D, Lee's in 3D).
template <int Dim> constexpr std::array<Side, 2 * Dim> sides;
template <> constexpr std::array<Side, 4> sides<2>{{{0, 1}, {0, -1}, {1, 1}, {1, -1}}};
template <> constexpr std::array<Side, 6> sides<3>{{{1, -1}, {1, 1}, {2, 1}, {2, -1}, {0, 1}, {0, -1}}};

/// Removes layers of voxels, one direction after the other, as Lee, Kashyap and Chu (1994) do.
///
/// A voxel is in a layer if it is simple and does not end a curve. Voxels of one layer are neighbours, so each must
/// still be simple when it is removed. In the order of the grid, a vessel two voxels wide would be eaten from one end
/// to the other: each voxel would be the next blunt end. So a layer is removed in groups by the parity of the
/// coordinates, whose voxels are no neighbours. A voxel that has become the end of a line stays; one on a wider part
/// would be a spur.
template <int Dim> class Thinning {
public:
  Thinning(const std::uint8_t* mask, const Shape<Dim>& shape) : grid_(shape), state_(grid_.padded_size) {
    for (int i = 0; i < around.count; ++i)
      for (int a = 0; a < Dim; ++a) steps_[i] += around.displacement[i][a] * grid_.strides[a];
    for_each_voxel([&](Index voxel, Index index) { state_[voxel] = mask[index] != 0 ? foreground : 0; });
    for_each_voxel([&](Index voxel, Index) {
      if (has(voxel, foreground) && (around.with_face & ~mask_around(voxel)) != 0) list(voxel);
    });
  }

  void run(const Execution& execution) {
    while (!listed_.empty()) {
      for (const Side side : sides<Dim>) {
        execution.throw_if_cancelled();
        remove_layer(side.sign * grid_.strides[side.axis]);
      }
      keep_changed();
    }
  }

  void write(std::uint8_t* mask) const {
    for_each_voxel([&](Index voxel, Index index) { mask[index] = state_[voxel] & foreground; });
  }

private:
  static constexpr const Neighbourhood<Dim>& around = neighbourhood<Dim>;
  static constexpr std::uint8_t foreground = 1, listed = 2, changed = 4;

  const Grid<Dim> grid_;
  LargeArray<std::uint8_t> state_; ///< by voxel of the padded grid: a set of the flags above
  std::array<Index, Neighbourhood<Dim>::count> steps_{};
  std::vector<Index> listed_; ///< the voxels that may be removable: the border, later voxels whose neighbours changed
  std::array<std::vector<Index>, 1 << Dim> layer_; ///< by parity of the coordinates

  bool has(Index voxel, std::uint8_t flag) const { return (state_[voxel] & flag) != 0; }

  /// Calls on_voxel(voxel of the padded grid, index in the image).
  template <class OnVoxel> void for_each_voxel(OnVoxel on_voxel) const {
    const Index length = grid_.row_length();
    for (Index row = 0; row < grid_.padded_row_count(); ++row) {
      const Index in_image = grid_.image_row(row);
      if (in_image < 0) continue;
      for (Index x = 0; x < length; ++x) on_voxel(row * (length + 2) + 1 + x, in_image * length + x);
    }
  }

  VoxelBits mask_around(Index voxel) const {
    VoxelBits bits = 0;
    for (int i = 0; i < around.count; ++i) bits |= static_cast<VoxelBits>(state_[voxel + steps_[i]] & foreground) << i;
    return bits & around.around;
  }

  bool is_simple_here(Index voxel) const { return is_simple<Dim>(mask_around(voxel), Construction::top_cells); }

  bool ends_curve(Index voxel) const { return std::has_single_bit(mask_around(voxel)); }

  /// Whether the voxel has one neighbour, which has at most one other neighbour.
  bool ends_line(Index voxel) const {
    const VoxelBits bits = mask_around(voxel);
    return std::has_single_bit(bits) && std::popcount(mask_around(voxel + steps_[std::countr_zero(bits)])) <= 2;
  }

  void list(Index voxel) {
    state_[voxel] |= listed;
    listed_.push_back(voxel);
  }

  /// Removes removable voxels that have background at `step`.
  void remove_layer(Index step) {
    for (const Index voxel : listed_)
      if (has(voxel, foreground) && !has(voxel + step, foreground) && !ends_curve(voxel) && is_simple_here(voxel))
        layer_[parity(voxel)].push_back(voxel);
    for (auto& group : layer_) {
      for (const Index voxel : group)
        if (is_simple_here(voxel) && !ends_line(voxel)) remove(voxel);
      group.clear();
    }
  }

  std::size_t parity(Index voxel) const {
    std::size_t bits = 0;
    for (int a = 0; a < Dim; ++a) bits = 2 * bits + static_cast<std::size_t>(voxel / grid_.strides[a] % 2);
    return bits;
  }

  void remove(Index voxel) {
    state_[voxel] &= static_cast<std::uint8_t>(~foreground);
    for (const Index step : steps_) {
      const Index neighbour = voxel + step;
      if (!has(neighbour, foreground)) continue;
      state_[neighbour] |= changed;
      if (!has(neighbour, listed)) list(neighbour);
    }
  }

  /// A voxel that was not removable remains so until one of its neighbours is removed.
  void keep_changed() {
    std::vector<Index> kept;
    for (const Index voxel : listed_) {
      const bool is_kept = has(voxel, foreground) && has(voxel, changed);
      state_[voxel] &= static_cast<std::uint8_t>(~(is_kept ? changed : listed));
      if (is_kept) kept.push_back(voxel);
    }
    listed_ = std::move(kept);
  }
};

} // namespace

template <int Dim> void thin(std::uint8_t* mask, const Shape<Dim>& shape, const Execution& execution) {
  check_size(Grid<Dim>(shape));
  Thinning<Dim> thinning(mask, shape);
  thinning.run(execution);
  thinning.write(mask);
}

template void thin<2>(std::uint8_t*, const Shape<2>&, const Execution&);
template void thin<3>(std::uint8_t*, const Shape<3>&, const Execution&);

} // namespace segtopo
