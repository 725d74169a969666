#include "repair/joining_paths.hpp"

#include "cubical/extremum_persistence.hpp"
#include "cubical/lower_star_gradient.hpp"
#include "cubical/sorted_cells.hpp"
#include "repair/merge_forest.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <ranges>
#include <unordered_map>
#include <vector>

namespace segtopo {

namespace {

/// Lists the voxels of the way from a saddle to the mask, on one side of the saddle.
template <class Flow, class IsInMask> class WayToMask {
public:
  WayToMask(const Flow& flow, Basins<Flow>& basins, const MergeForest& forest, const Cells& saddles,
            const LargeVector<PathEnds>& ends, IsInMask is_in_mask)
      : flow_(flow), basins_(basins), forest_(forest), saddles_(saddles), ends_(ends), is_in_mask_(is_in_mask) {}

  /// The voxels of the padded grid, beginning after the saddle; the last one is in the mask.
  const std::vector<Index>& from(std::uint32_t saddle, int side) {
    voxels_.clear();
    climb(flow_.sides(saddles_[saddle])[side]);
    while (!is_in_mask_(flow_.voxel(climb_.back()))) {
      const Age end = basins_(climb_.back(), scratch_);
      const std::uint32_t next = forest_.saddle(end);
      const int side_here = ends_[next][0] == end ? 0 : 1;
      const auto [one, other] = flow_.sides(saddles_[next]);
      pass_over(side_here == 0 ? one : other, saddles_[next].voxel);
      climb(side_here == 0 ? other : one);
    }
    append_climb();
    return voxels_;
  }

private:
  const Flow& flow_;
  Basins<Flow>& basins_;
  const MergeForest& forest_;
  const Cells& saddles_;
  const LargeVector<PathEnds>& ends_;
  IsInMask is_in_mask_;
  std::vector<Index> voxels_, climb_, other_climb_, scratch_;

  /// Sets `climb_` to the sites from one of them up to the mask or to an extremum.
  void climb(Index site) {
    climb_.assign(1, site);
    while (!is_in_mask_(flow_.voxel(site)) && !flow_.is_extremum(site)) climb_.push_back(site = flow_.next(site));
  }

  /// Appends the climb to an extremum and the descent from there to a saddle, without the part they share.
  void pass_over(Index side_of_saddle, Index saddle_voxel) {
    other_climb_.assign(1, side_of_saddle);
    while (other_climb_.back() != climb_.back()) other_climb_.push_back(flow_.next(other_climb_.back()));
    Index junction = climb_.back();
    while (!climb_.empty() && !other_climb_.empty() && climb_.back() == other_climb_.back()) {
      junction = climb_.back();
      climb_.pop_back();
      other_climb_.pop_back();
    }
    climb_.push_back(junction);
    append_climb();
    for (const Index site : std::views::reverse(other_climb_)) voxels_.push_back(flow_.voxel(site));
    voxels_.push_back(saddle_voxel);
  }

  void append_climb() {
    for (const Index site : climb_) voxels_.push_back(flow_.voxel(site));
  }
};

/// Leaves out the detours of a path: from each voxel, the next one is the last of the path that is adjacent to it.
template <int Dim>
std::vector<Index> shortened(const std::vector<Index>& path, const Grid<Dim>& grid, bool by_corners) {
  constexpr const auto& cells = star_cells<Dim>;
  const int adjacent = by_corners ? cells.count : cells.first[2];
  std::unordered_map<Index, std::size_t> last_position;
  for (std::size_t i = 0; i < path.size(); ++i) last_position[path[i]] = i;
  std::vector<Index> result;
  for (std::size_t i = 0; i < path.size();) {
    result.push_back(path[i]);
    std::size_t next = i + 1;
    for (int code = 0; code < adjacent; ++code) // code 0 is the voxel itself
      if (const auto found = last_position.find(path[i] + grid.step[code]); found != last_position.end())
        next = std::max(next, found->second + (code == 0));
    i = next;
  }
  return result;
}

template <class Flow, int Dim, class Key, class Storage, class IsInMask>
JoiningPaths paths_of(const LowerStarGradient<Dim, Key, Storage>& gradient, int extremum_dimension,
                      const CellNumbers& eldest_first, const CellNumbers& saddles_in_order, IsInMask is_in_mask,
                      const Execution& execution) {
  const Flow flow(gradient);
  const Cells& extrema = gradient.critical_cells(extremum_dimension);
  const Cells& saddles = gradient.critical_cells(extremum_dimension == 0 ? 1 : Dim - 1);
  Basins<Flow> basins(flow, extrema, eldest_first, execution);
  const auto ends = basins.path_ends(saddles, [](Index) { return true; });
  auto voxel_of = [&](Age age) { return extrema[eldest_first[age - 1]].voxel; };
  MergeForest forest(extrema.size(), ends, [&](Age age) { return is_in_mask(voxel_of(age)); });
  WayToMask way(flow, basins, forest, saddles, ends, is_in_mask);

  JoiningPaths paths;
  auto image_index = [&](Index voxel) { return static_cast<std::uint32_t>(gradient.image.image_index(voxel)); };
  paths.starts.push_back(0);
  std::vector<Index> path;
  for (std::size_t visited = 0; const std::uint32_t saddle : saddles_in_order) {
    if (visited++ % 65536 == 0) execution.throw_if_cancelled();
    const Age younger = forest.join(saddle);
    if (younger == 0 || is_in_mask(saddles[saddle].voxel)) continue;
    path = way.from(saddle, 0);
    std::ranges::reverse(path);
    path.push_back(saddles[saddle].voxel);
    std::ranges::copy(way.from(saddle, 1), std::back_inserter(path));
    path = shortened(path, gradient.image.grid, extremum_dimension == Dim);
    std::ranges::transform(path, std::back_inserter(paths.voxels), image_index);
    paths.starts.push_back(std::ssize(paths.voxels));
    paths.saddles.push_back(image_index(saddles[saddle].voxel));
    paths.births.push_back(image_index(voxel_of(younger)));
  }
  return paths;
}

} // namespace

template <int Dim, class Value>
JoiningPaths joining_paths(const Value* values, const Shape<Dim>& shape, Filtration filtration,
                           Construction construction, Value mask_value, Value last_value,
                           const LowerStarTable<Dim>& table, const Execution& wanted) {
  using Key = KeyOf<Value>;
  const Grid<Dim> grid(shape);
  check_size(grid);
  const Execution execution = useful_threads(grid, wanted);
  check_for_nan(values, grid.image_size, execution);
  auto key_of = [=](Index i) { return entry_key(values[i], filtration); };
  auto is_inside = [=, last = entry_key(last_value, filtration)](Index i) { return key_of(i) <= last; };
  const bool dual = construction == Construction::top_cells;
  const PagedStorage storage(grid, dual, is_inside, execution);
  const OrderedImage<Dim, Key, PagedStorage> image(grid, storage, dual, key_of, is_inside, execution);
  const LowerStarGradient<Dim, Key, PagedStorage> gradient(image, table, execution);
  auto is_in_mask = [&, mask = entry_key(mask_value, filtration)](Index voxel) {
    return key_of(image.image_index(voxel)) <= mask;
  };
  // In dual order, the components of the T-construction are the maxima, and the filtration is reversed.
  const int extremum_dimension = dual ? Dim : 0, saddle_dimension = dual ? Dim - 1 : 1;
  CellNumbers extrema = sorted_cells(gradient, extremum_dimension), saddles = sorted_cells(gradient, saddle_dimension);
  if (!dual)
    return paths_of<DescendingFlow<Dim, Key, PagedStorage>>(gradient, 0, extrema, saddles, is_in_mask, execution);
  std::ranges::reverse(extrema);
  std::ranges::reverse(saddles);
  return paths_of<AscendingFlow<Dim, Key, PagedStorage>>(gradient, Dim, extrema, saddles, is_in_mask, execution);
}

#define SEGTOPO_INSTANTIATE(Dim, Value)                                                                                \
  template JoiningPaths joining_paths<Dim, Value>(const Value*, const Shape<Dim>&, Filtration, Construction, Value,    \
                                                  Value, const LowerStarTable<Dim>&, const Execution&)
SEGTOPO_INSTANTIATE(2, float);
SEGTOPO_INSTANTIATE(2, double);
SEGTOPO_INSTANTIATE(3, float);
SEGTOPO_INSTANTIATE(3, double);

} // namespace segtopo
