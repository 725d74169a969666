#pragma once

#include <array>
#include <cstdint>

namespace segtopo {

/// The star of a vertex of the grid: the 9 (2D) or 27 (3D) cells that contain the vertex. Voxels are vertices here.
///
/// The displacement of a cell, in {-1, 0, 1}^Dim, leads from the voxel to the opposite corner of the cell. The
/// dimension of the cell is the number of its non-zero components. Codes number the cells by dimension: 0 is the voxel,
/// then come the edges, the squares and the cubes. So the faces of a cell have smaller codes than the cell.
template <int Dim> struct StarCells {
  static constexpr int count = Dim == 2 ? 9 : 27;
  static constexpr int max_vertices = 1 << Dim;
  using Displacement = std::array<int, Dim>;

  std::array<Displacement, count> displacement{};
  std::array<int, count> dimension{};
  std::array<int, Dim + 2> first{}; ///< the codes of dimension k are first[k] .. first[k + 1] - 1

  std::array<std::array<int, Dim>, count> face{}; ///< face[c][a]: c without axis a; -1 if c has no extent there
  std::array<std::array<std::array<int, 2>, Dim>, count> coface{}; ///< c extended along a to -1 / +1, or -1
  std::array<std::uint32_t, count> faces{};                        ///< the facets of c that contain the voxel, as bits

  std::array<std::array<int, max_vertices>, count> vertex{};    ///< displacements (as codes) to the vertices of c
  std::array<std::array<int, max_vertices>, count> seen_from{}; ///< the code of c in the star of that vertex

  constexpr int vertex_count(int c) const { return 1 << dimension[c]; }

  constexpr int code_of(const Displacement& wanted) const {
    for (int c = 0; c < count; ++c)
      if (displacement[c] == wanted) return c;
    return -1;
  }

  constexpr StarCells() {
    enumerate_displacements();
    for (int c = 0; c < count; ++c) {
      relate_faces(c);
      relate_vertices(c);
    }
  }

private:
  constexpr void enumerate_displacements() {
    int next = 0;
    for (int wanted = 0; wanted <= Dim; ++wanted) {
      first[wanted] = next;
      for (int number = 0; number < count; ++number) {
        Displacement d{};
        int rest = number, size = 0;
        for (int a = 0; a < Dim; ++a, rest /= 3) {
          d[a] = rest % 3 - 1;
          size += d[a] != 0;
        }
        if (size != wanted) continue;
        displacement[next] = d;
        dimension[next++] = size;
      }
    }
    first[Dim + 1] = next;
  }

  constexpr void relate_faces(int c) {
    for (int a = 0; a < Dim; ++a) {
      Displacement d = displacement[c];
      const bool flat = d[a] == 0;
      for (int sign = 0; sign < 2; ++sign) {
        d[a] = 2 * sign - 1;
        coface[c][a][sign] = flat ? code_of(d) : -1;
      }
      d[a] = 0;
      face[c][a] = flat ? -1 : code_of(d);
      if (!flat) faces[c] |= std::uint32_t{1} << face[c][a];
    }
  }

  constexpr void relate_vertices(int c) {
    for (int v = 0; v < vertex_count(c); ++v) {
      Displacement to_vertex{}, from_vertex = displacement[c];
      for (int a = Dim - 1, bit = 0; a >= 0; --a) {
        if (displacement[c][a] == 0) continue;
        if (v >> bit++ & 1) {
          to_vertex[a] = displacement[c][a];
          from_vertex[a] = -displacement[c][a];
        }
      }
      vertex[c][v] = code_of(to_vertex);
      seen_from[c][v] = code_of(from_vertex);
    }
  }
};

template <int Dim> inline constexpr StarCells<Dim> star_cells{};

} // namespace segtopo
