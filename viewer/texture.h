// A picture on the GPU, nearest-neighbour. Lives and dies with a current OpenGL context.
#pragma once

#include <vector>

#include "viewer/canvas.h"

namespace stemma {

// Wider or higher than the GPU allows: it is cut into tiles.
class Texture {
 public:
  explicit Texture(const Cells& cells);
  ~Texture();
  Texture(Texture&&) noexcept = default;
  Texture& operator=(Texture&&) = delete;

  struct Tile {
    int x = 0, y = 0, width = 0, height = 0;  // in cells
    unsigned id = 0;
  };
  const std::vector<Tile>& tiles() const { return tiles_; }

 private:
  std::vector<Tile> tiles_;
};

}  // namespace stemma
