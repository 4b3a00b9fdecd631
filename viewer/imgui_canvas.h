// Canvas over an ImGui draw list; keeps the textures of the cells it was shown lately.
#pragma once

#include <imgui.h>

#include <map>
#include <memory>

#include "viewer/canvas.h"
#include "viewer/texture.h"

namespace stemma {

class ImGuiCanvas : public Canvas {
 public:
  struct Faces {
    ImFont* regular = nullptr;
    ImFont* small = nullptr;
    ImFont* bold = nullptr;
  };
  void begin(ImDrawList* list, const Faces& faces) {
    list_ = list;
    faces_ = faces;
  }
  void end();  // forgets textures that the frame did not use

  double text_width(std::string_view text, TextStyle style) override;
  void fill(const Box& box, Rgba colour) override;
  void line(double x0, double y0, double x1, double y1, double width, Rgba colour, bool dashed) override;
  void text(double x, double baseline, std::string_view text, TextStyle style, Rgba colour) override;
  void cells(const Box& box, const Cells& cells, const Box& part) override;

 private:
  struct Kept {
    std::unique_ptr<Texture> texture;
    bool used = false;
  };
  ImFont* font(TextStyle style) const { return style.bold ? faces_.bold : style.size < 12 ? faces_.small : faces_.regular; }
  ImDrawList* list_ = nullptr;
  Faces faces_;
  std::map<uint64_t, Kept> textures_;
};

}  // namespace stemma
