// One Dear ImGui context that draws the panel into the framebuffer that is bound.
//
// Every call, construction and destruction included, is on the thread and with the OpenGL context (3.2 or later) of the
// first. A frame is drawn when asked; nothing runs in between.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "viewer/activation_map.h"
#include "viewer/input.h"

namespace stemma {

class Viewer {
 public:
  // `font`, `bold_font`: TrueType files; a path that cannot be read gives ImGui's own pixel font. Throws Error where
  // OpenGL cannot be used.
  explicit Viewer(const std::string& font = {}, const std::string& bold_font = {});
  ~Viewer();
  Viewer(const Viewer&) = delete;
  Viewer& operator=(const Viewer&) = delete;

  ActivationMapPanel panel;

  // Draws input.width x input.height logical pixels at input.scale; the cell that was chosen, if any.
  std::optional<Cell> draw(const Input& input);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stemma
