#include "app/canvas_widget.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QGuiApplication>
#include <QKeyEvent>
#include <QLabel>
#include <QMouseEvent>
#include <QOffscreenSurface>
#include <QOpenGLContext>
#include <QOpenGLWidget>
#include <QPainter>
#include <QVBoxLayout>
#include <QWheelEvent>
#include <filesystem>

#include "app/screen_canvas.h"
#include "runtime/error.h"
#include "viewer/viewer.h"

namespace stemma {
namespace {

constexpr const char* no_opengl =
    "This display has no OpenGL; this is painted without it. Export it as a figure to look closer.";

// The platform's own fonts; where they are missing, the viewer has one of its own.
std::string font_file(const char* name) {
  for (const char* folder :
       {"/usr/share/fonts/truetype/dejavu/", "/usr/share/fonts/dejavu-sans-fonts/", "/usr/share/fonts/TTF/"}) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(std::string(folder) + name, ignored)) return std::string(folder) + name;
  }
  return {};
}

}  // namespace

// Collects Qt's events into an Input; one of these serves either surface.
class Hands {
 public:
  Hands() { clock_.start(); }

  // Whether the event was meant for the canvas; it then wants a frame.
  bool take(QEvent* event) {
    switch (event->type()) {
      case QEvent::MouseMove:
      case QEvent::MouseButtonPress:
      case QEvent::MouseButtonRelease:
      case QEvent::MouseButtonDblClick: {
        const auto* mouse = static_cast<QMouseEvent*>(event);
        input_.mouse_x = mouse->position().x();
        input_.mouse_y = mouse->position().y();
        input_.inside = true;
        input_.down = mouse->buttons() & Qt::LeftButton;
        input_.double_click |= event->type() == QEvent::MouseButtonDblClick;
        return true;
      }
      case QEvent::Wheel: {
        const auto* wheel = static_cast<QWheelEvent*>(event);
        input_.shift = wheel->modifiers() & Qt::ShiftModifier;
        input_.wheel += wheel->angleDelta().y() / 120.0;
        input_.sideways += wheel->angleDelta().x() / 120.0;
        return true;
      }
      case QEvent::Leave:
        input_.inside = false;
        return true;
      case QEvent::KeyPress:
        return press(static_cast<QKeyEvent*>(event));
      default:
        return false;
    }
  }

  Input next(const QWidget& widget) {
    input_.width = widget.width();
    input_.height = widget.height();
    input_.scale = widget.devicePixelRatioF();
    input_.seconds = static_cast<double>(clock_.elapsed()) / 1000;
    Input now = input_;
    input_.wheel = input_.sideways = 0;
    input_.double_click = false;
    input_.keys.clear();
    return now;
  }

 private:
  bool press(const QKeyEvent* event) {
    if (event->modifiers() & (Qt::ControlModifier | Qt::AltModifier | Qt::MetaModifier)) return false;
    switch (event->key()) {
      case Qt::Key_Left:
        input_.keys.push_back(Key::left);
        return true;
      case Qt::Key_Right:
        input_.keys.push_back(Key::right);
        return true;
      case Qt::Key_Up:
        input_.keys.push_back(Key::up);
        return true;
      case Qt::Key_Down:
        input_.keys.push_back(Key::down);
        return true;
      case Qt::Key_Home:
        input_.keys.push_back(Key::home);
        return true;
      case Qt::Key_Plus:
      case Qt::Key_Equal:
        input_.keys.push_back(Key::zoom_in);
        return true;
      case Qt::Key_Minus:
        input_.keys.push_back(Key::zoom_out);
        return true;
      default:
        return false;
    }
  }

  Input input_;
  QElapsedTimer clock_;
};

namespace {

void prepare(QWidget* canvas) {
  canvas->setMouseTracking(true);
  canvas->setFocusPolicy(Qt::ClickFocus);
  canvas->setMinimumSize(240, 120);
}

// Whether the event was the hands'.
bool take(QWidget& canvas, Hands& hands, QEvent* event) {
  if (!hands.take(event)) return false;
  if (event->type() == QEvent::MouseButtonPress) canvas.setFocus(Qt::MouseFocusReason);
  if (event->type() == QEvent::MouseButtonPress || event->type() == QEvent::MouseButtonRelease)
    canvas.repaint();  // no click between two frames is lost
  else
    canvas.update();
  event->accept();
  return true;
}

}  // namespace

class CanvasWidget::GlCanvas : public QOpenGLWidget {
 public:
  GlCanvas(CanvasWidget* owner) : QOpenGLWidget(owner), owner_(owner) { prepare(this); }
  ~GlCanvas() override { release(); }

 protected:
  void initializeGL() override {
    connect(context(), &QOpenGLContext::aboutToBeDestroyed, this, [this] { release(); });
    try {
      viewer_ = std::make_unique<Viewer>(font_file("DejaVuSans.ttf"), font_file("DejaVuSans-Bold.ttf"));
    } catch (const Error& error) {
      failure_ = QString::fromUtf8(error.what());
    }
  }
  void paintGL() override {
    if (!viewer_) {
      QPainter painter(this);
      painter.fillRect(rect(), palette().window());
      painter.drawText(rect().adjusted(12, 12, -12, -12), Qt::AlignCenter | Qt::TextWordWrap, failure_);
      return;
    }
    const Input input = hands_.next(*this);
    viewer_->draw(input, [&](Canvas& canvas) { owner_->frame_(canvas, input); });
  }
  bool event(QEvent* event) override { return take(*this, hands_, event) || QOpenGLWidget::event(event); }

 private:
  void release() {
    if (!viewer_) return;
    makeCurrent();
    viewer_.reset();
    doneCurrent();
  }

  CanvasWidget* owner_;
  Hands hands_;
  std::unique_ptr<Viewer> viewer_;
  QString failure_;
};

class CanvasWidget::PaintedCanvas : public QWidget {
 public:
  PaintedCanvas(CanvasWidget* owner) : QWidget(owner), owner_(owner) { prepare(this); }

 protected:
  void paintEvent(QPaintEvent*) override {
    QPainter painter(this);
    ScreenCanvas canvas(painter, images_);
    owner_->frame_(canvas, hands_.next(*this));
  }
  bool event(QEvent* event) override { return take(*this, hands_, event) || QWidget::event(event); }

 private:
  CanvasWidget* owner_;
  Hands hands_;
  KeptImages images_;
};

CanvasWidget::CanvasWidget(QWidget* parent) : QWidget(parent) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  if (opengl_works()) {
    canvas_ = new GlCanvas(this);
    has_opengl_ = true;
  } else {
    auto* notice = new QLabel(tr(no_opengl), this);
    notice->setWordWrap(true);
    notice->setContentsMargins(12, 6, 12, 0);
    column->addWidget(notice);
    canvas_ = new PaintedCanvas(this);
  }
  column->addWidget(canvas_, 1);
}

void CanvasWidget::show_frame(Frame frame) {
  frame_ = std::move(frame);
  redraw();
}

void CanvasWidget::redraw() { canvas_->update(); }

bool CanvasWidget::opengl_works() {
  static const bool works = [] {
    const QString platform = QGuiApplication::platformName();
    if (platform != "xcb" && !platform.startsWith("wayland")) return false;
    if (qEnvironmentVariable("QT_XCB_GL_INTEGRATION") == "none") return false;  // Qt would crash
    QOpenGLContext context;
    if (!context.create()) return false;
    QOffscreenSurface surface;
    surface.setFormat(context.format());
    surface.create();
    if (!surface.isValid() || !context.makeCurrent(&surface)) return false;
    const auto version = context.format().version();
    context.doneCurrent();
    return version >= qMakePair(3, 0);
  }();
  return works;
}

}  // namespace stemma
