// An OpenGL context without a display: surfaceless EGL, opened at run time, and a framebuffer to draw into.
#pragma once

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <dlfcn.h>

#include <cstdint>
#include <string>
#include <vector>

namespace stemma::test {

class HeadlessGl {
 public:
  HeadlessGl(int width, int height) : width_(width), height_(height) { missing_ = open(); }
  ~HeadlessGl() {
    if (context_ == EGL_NO_CONTEXT) return;
    function<EGLBoolean (*)(EGLDisplay, EGLSurface, EGLSurface, EGLContext)>("eglMakeCurrent")(display_, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
    function<EGLBoolean (*)(EGLDisplay, EGLContext)>("eglDestroyContext")(display_, context_);
    function<EGLBoolean (*)(EGLDisplay)>("eglTerminate")(display_);
  }
  // Empty where it works, else a sentence that says what is missing.
  const std::string& missing() const { return missing_; }

  // RGBA, the top row first.
  std::vector<uint8_t> pixels() {
    std::vector<uint8_t> bottom_up(static_cast<size_t>(width_) * height_ * 4), pixels(bottom_up.size());
    gl<void (*)(int, int, int, int, unsigned, unsigned, void*)>("glReadPixels")(0, 0, width_, height_, 0x1908, 0x1401, bottom_up.data());
    const size_t line = static_cast<size_t>(width_) * 4;
    for (int y = 0; y < height_; ++y) {
      std::copy_n(bottom_up.begin() + static_cast<int64_t>(line * (height_ - 1 - y)), line, pixels.begin() + static_cast<int64_t>(line * y));
    }
    return pixels;
  }
  unsigned error() { return gl<unsigned (*)()>("glGetError")(); }

 private:
  template <class F>
  F function(const char* name) {
    return reinterpret_cast<F>(dlsym(library_, name));
  }
  template <class F>
  F gl(const char* name) {
    return reinterpret_cast<F>(function<void* (*)(const char*)>("eglGetProcAddress")(name));
  }

  std::string open() {
    library_ = dlopen("libEGL.so.1", RTLD_NOW);
    if (!library_) return "libEGL is not installed, so the canvas cannot be drawn without a display";
    auto get_display = gl<EGLDisplay (*)(EGLenum, void*, const EGLint*)>("eglGetPlatformDisplayEXT");
    if (!get_display) return "this EGL has no platform displays";
    display_ = get_display(EGL_PLATFORM_SURFACELESS_MESA, nullptr, nullptr);
    EGLint major = 0, minor = 0, count = 0;
    if (!function<EGLBoolean (*)(EGLDisplay, EGLint*, EGLint*)>("eglInitialize")(display_, &major, &minor)) return "EGL has no surfaceless display here";
    if (!function<EGLBoolean (*)(EGLenum)>("eglBindAPI")(EGL_OPENGL_API)) return "this EGL has no desktop OpenGL";
    const EGLint wanted[] = {EGL_RENDERABLE_TYPE, EGL_OPENGL_BIT, EGL_NONE};
    EGLConfig config = nullptr;
    function<EGLBoolean (*)(EGLDisplay, const EGLint*, EGLConfig*, EGLint, EGLint*)>("eglChooseConfig")(display_, wanted, &config, 1, &count);
    const EGLint version[] = {EGL_CONTEXT_MAJOR_VERSION, 3, EGL_CONTEXT_MINOR_VERSION, 3, EGL_NONE};
    context_ = function<EGLContext (*)(EGLDisplay, EGLConfig, EGLContext, const EGLint*)>("eglCreateContext")(display_, config, EGL_NO_CONTEXT, version);
    if (context_ == EGL_NO_CONTEXT) return "EGL makes no OpenGL 3.3 context here";
    function<EGLBoolean (*)(EGLDisplay, EGLSurface, EGLSurface, EGLContext)>("eglMakeCurrent")(display_, EGL_NO_SURFACE, EGL_NO_SURFACE, context_);
    unsigned colour = 0, framebuffer = 0;
    gl<void (*)(int, unsigned*)>("glGenRenderbuffers")(1, &colour);
    gl<void (*)(unsigned, unsigned)>("glBindRenderbuffer")(0x8D41, colour);
    gl<void (*)(unsigned, unsigned, int, int)>("glRenderbufferStorage")(0x8D41, 0x8058, width_, height_);
    gl<void (*)(int, unsigned*)>("glGenFramebuffers")(1, &framebuffer);
    gl<void (*)(unsigned, unsigned)>("glBindFramebuffer")(0x8D40, framebuffer);
    gl<void (*)(unsigned, unsigned, unsigned, unsigned)>("glFramebufferRenderbuffer")(0x8D40, 0x8CE0, 0x8D41, colour);
    gl<void (*)(int, int, int, int)>("glViewport")(0, 0, width_, height_);
    return "";
  }

  int width_, height_;
  void* library_ = nullptr;
  EGLDisplay display_ = EGL_NO_DISPLAY;
  EGLContext context_ = EGL_NO_CONTEXT;
  std::string missing_;
};

}  // namespace stemma::test
