// One Dear ImGui context that draws a panel into the framebuffer that is bound.
//
// Every call, construction and destruction included, is on the thread and with the OpenGL context (3.2 or later) of the
// first. A frame is drawn when asked; nothing runs in between.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "viewer/canvas.h"
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

  // Draws input.width x input.height logical pixels at input.scale: what `frame` draws on the canvas it is given.
  void draw(const Input& input, const std::function<void(Canvas&)>& frame);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stemma
