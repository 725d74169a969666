#pragma once

#include <cstdint>

namespace segtopo {

using Index = std::int64_t; ///< of a voxel, or of anything else that is counted

} // namespace segtopo
