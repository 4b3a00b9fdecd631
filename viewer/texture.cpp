#include "viewer/texture.h"

#include <imgui_impl_opengl3_loader.h>

#include <algorithm>

namespace stemma {
namespace {
constexpr GLint nearest = 0x2600;    // GL_NEAREST, which imgui's loader leaves out
constexpr int tile_side = 4096;  // every OpenGL 3 has this
}

Texture::Texture(const Cells& cells) {
  std::vector<Rgba> tile_pixels;
  GLint before = 0;
  glGetIntegerv(GL_TEXTURE_BINDING_2D, &before);
  for (int y = 0; y < cells.rows; y += tile_side) {
    for (int x = 0; x < cells.columns; x += tile_side) {
      Tile tile{x, y, std::min(tile_side, cells.columns - x), std::min(tile_side, cells.rows - y), 0};
      tile_pixels.clear();
      for (int row = y; row < y + tile.height; ++row) {
        const auto from = cells.pixels.begin() + static_cast<int64_t>(row) * cells.columns + x;
        tile_pixels.insert(tile_pixels.end(), from, from + tile.width);
      }
      glGenTextures(1, &tile.id);
      glBindTexture(GL_TEXTURE_2D, tile.id);
      glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, nearest);
      glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, nearest);
      glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA, tile.width, tile.height, 0, GL_RGBA, GL_UNSIGNED_BYTE, tile_pixels.data());
      tiles_.push_back(tile);
    }
  }
  glBindTexture(GL_TEXTURE_2D, static_cast<GLuint>(before));
}

Texture::~Texture() {
  for (const Tile& tile : tiles_) glDeleteTextures(1, &tile.id);
}

}  // namespace stemma
