#include "viewer/imgui_canvas.h"

#include <algorithm>
#include <cmath>

namespace stemma {
namespace {
ImU32 packed(Rgba c) { return IM_COL32(c.r, c.g, c.b, c.a); }
ImVec2 at(double x, double y) { return {static_cast<float>(x), static_cast<float>(y)}; }
}  // namespace

void ImGuiCanvas::end() {
  std::erase_if(textures_, [](const auto& kept) { return !kept.second.used; });
  for (auto& [stamp, kept] : textures_) kept.used = false;
}

double ImGuiCanvas::text_width(std::string_view text, TextStyle style) {
  return font(style)->CalcTextSizeA(static_cast<float>(style.size), 1e9f, 0, text.data(), text.data() + text.size()).x;
}

void ImGuiCanvas::fill(const Box& box, Rgba colour) {
  list_->AddRectFilled(at(box.x, box.y), at(box.right(), box.bottom()), packed(colour));
}

void ImGuiCanvas::line(double x0, double y0, double x1, double y1, double width, Rgba colour, bool dashed) {
  const double length = std::hypot(x1 - x0, y1 - y0), dash = dashed ? 3 : std::max(length, 1e-9);
  for (double from = 0; from < length; from += 2 * dash) {
    const double a = from / length, b = std::min(1.0, (from + dash) / length);
    list_->AddLine(at(x0 + (x1 - x0) * a, y0 + (y1 - y0) * a), at(x0 + (x1 - x0) * b, y0 + (y1 - y0) * b), packed(colour),
                   static_cast<float>(width));
  }
}

void ImGuiCanvas::text(double x, double baseline, std::string_view text, TextStyle style, Rgba colour) {
  const ImFont* face = font(style);
  const double ascent = face->Ascent * style.size / face->FontSize;
  list_->AddText(face, static_cast<float>(style.size), at(std::round(x), std::round(baseline - ascent)), packed(colour), text.data(),
                 text.data() + text.size());
}

void ImGuiCanvas::cells(const Box& box, const Cells& cells, const Box& part) {
  if (part.width <= 0 || part.height <= 0) return;
  Kept& kept = textures_[cells.stamp];
  if (!kept.texture) kept.texture = std::make_unique<Texture>(cells);
  kept.used = true;
  for (const Texture::Tile& tile : kept.texture->tiles()) {
    const double x0 = std::max<double>(part.x, tile.x), x1 = std::min<double>(part.right(), tile.x + tile.width);
    const double y0 = std::max<double>(part.y, tile.y), y1 = std::min<double>(part.bottom(), tile.y + tile.height);
    if (x0 >= x1 || y0 >= y1) continue;
    auto px = [&](double x) { return box.x + (x - part.x) / part.width * box.width; };
    auto py = [&](double y) { return box.y + (y - part.y) / part.height * box.height; };
    list_->AddImage(reinterpret_cast<ImTextureID>(static_cast<intptr_t>(tile.id)), at(px(x0), py(y0)), at(px(x1), py(y1)),
                    at((x0 - tile.x) / tile.width, (y0 - tile.y) / tile.height),
                    at((x1 - tile.x) / tile.width, (y1 - tile.y) / tile.height));
  }
}

}  // namespace stemma
