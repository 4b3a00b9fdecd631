#include "viewer/viewer.h"

#include <imgui.h>
#include <imgui_impl_opengl3.h>
#include <imgui_impl_opengl3_loader.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "runtime/error.h"
#include "viewer/imgui_canvas.h"

namespace stemma {
namespace {

ImGuiKey imgui_key(Key key) {
  switch (key) {
    case Key::left: return ImGuiKey_LeftArrow;
    case Key::right: return ImGuiKey_RightArrow;
    case Key::up: return ImGuiKey_UpArrow;
    case Key::down: return ImGuiKey_DownArrow;
    case Key::home: return ImGuiKey_Home;
    case Key::end: return ImGuiKey_End;
    case Key::zoom_in: return ImGuiKey_PageUp;
    case Key::zoom_out: return ImGuiKey_PageDown;
    case Key::escape: return ImGuiKey_Escape;
  }
  return ImGuiKey_Escape;
}

}  // namespace

struct Viewer::State {
  ImGuiContext* context = nullptr;
  std::string font, bold;
  double scale = 0, seconds = 0;
  ImGuiCanvas canvas;
  ImGuiCanvas::Faces faces;

  ImFont* load(const std::string& path, double size) {
    ImGuiIO& io = ImGui::GetIO();
    // Latin, Greek, Cyrillic, punctuation, arrows, mathematical operators; pairs of first and last, ended by 0.
    static const ImWchar ranges[] = {0x20, 0x17F, 0x370, 0x45F, 0x2000, 0x22FF, 0xFFFD, 0xFFFD, 0};
    std::error_code ignored;
    if (!path.empty() && std::filesystem::is_regular_file(path, ignored)) {
      ImFontConfig settings;
      settings.OversampleH = 2;
      if (ImFont* face = io.Fonts->AddFontFromFileTTF(path.c_str(), static_cast<float>(size), &settings, ranges)) return face;
    }
    return io.Fonts->AddFontDefault();
  }

  void use_scale(double wanted) {
    if (wanted == scale) return;
    scale = wanted;
    ImGuiIO& io = ImGui::GetIO();
    io.Fonts->Clear();
    faces = {load(font, std::round(13 * scale)), load(font, std::round(11 * scale)), load(bold, std::round(13 * scale))};
    io.Fonts->Build();
    ImGui_ImplOpenGL3_DestroyFontsTexture();
    ImGui_ImplOpenGL3_CreateFontsTexture();
  }
};

Viewer::Viewer(const std::string& font, const std::string& bold_font) : state_(std::make_unique<State>()) {
  state_->font = font;
  state_->bold = bold_font;
  state_->context = ImGui::CreateContext();
  ImGui::SetCurrentContext(state_->context);
  ImGuiIO& io = ImGui::GetIO();
  io.IniFilename = nullptr;  // nothing is written beside the program
  io.LogFilename = nullptr;
  for (int key = 0; key <= static_cast<int>(Key::escape); ++key) io.KeyMap[imgui_key(static_cast<Key>(key))] = key;
  if (!ImGui_ImplOpenGL3_Init(nullptr)) {
    ImGui::DestroyContext(state_->context);
    throw Error(ErrorCode::device, "OpenGL 3.2 could not be opened on this display; export the map as a figure instead");
  }
  ImGui_ImplOpenGL3_NewFrame();  // makes its shaders
}

Viewer::~Viewer() {
  ImGui::SetCurrentContext(state_->context);
  ImGuiContext* context = state_->context;
  state_->canvas.end();
  state_->canvas.end();
  ImGui_ImplOpenGL3_Shutdown();
  ImGui::DestroyContext(context);
}

void Viewer::draw(const Input& input, const std::function<void(Canvas&)>& frame) {
  State& state = *state_;
  ImGui::SetCurrentContext(state.context);
  state.use_scale(std::clamp(input.scale, 0.5, 4.0));

  ImGuiIO& io = ImGui::GetIO();
  io.DisplaySize = {static_cast<float>(std::max(1.0, input.width)), static_cast<float>(std::max(1.0, input.height))};
  io.DisplayFramebufferScale = {static_cast<float>(input.scale), static_cast<float>(input.scale)};
  io.DeltaTime = static_cast<float>(std::clamp(input.seconds - state.seconds, 1e-4, 1.0));
  state.seconds = input.seconds;
  io.MousePos = input.inside ? ImVec2(static_cast<float>(input.mouse_x), static_cast<float>(input.mouse_y)) : ImVec2(-1e9f, -1e9f);
  io.MouseDown[0] = input.down;
  io.MouseWheel = static_cast<float>(input.wheel);
  io.MouseWheelH = static_cast<float>(input.sideways);
  io.KeyShift = input.shift;
  std::fill(std::begin(io.KeysDown), std::end(io.KeysDown), false);
  for (Key key : input.keys) io.KeysDown[static_cast<int>(key)] = true;

  ImGui_ImplOpenGL3_NewFrame();
  ImGui::NewFrame();
  state.canvas.begin(ImGui::GetBackgroundDrawList(), state.faces);
  frame(state.canvas);
  ImGui::Render();
  ImGui_ImplOpenGL3_RenderDrawData(ImGui::GetDrawData());
  state.canvas.end();
}

}  // namespace stemma
