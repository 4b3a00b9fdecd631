#include "app/window.h"

#include <QApplication>
#include <QIcon>
#include <QSurfaceFormat>
#include <cstdio>
#include <filesystem>

#include "app/resources.h"
#include "app/screenshot.h"
#include "app/settings.h"
#include "app/theme.h"
#include "app/workbench.h"

namespace stemma {

int run_window(int argc, char** argv) {
  if (!qEnvironmentVariableIsSet("DISPLAY") && !qEnvironmentVariableIsSet("WAYLAND_DISPLAY") &&
      !qEnvironmentVariableIsSet("QT_QPA_PLATFORM")) {
    std::fprintf(
        stderr,
        "stemma: no display was found for the window; set DISPLAY, or use stemma show FILE to read a session here\n");
    return 1;
  }
  QApplication application(argc, argv);
  QApplication::setApplicationName("stemma");
  QApplication::setApplicationDisplayName("Stemma");
  QApplication::setDesktopFileName("stemma");
  const ScreenshotRequest picture = read_screenshot_request(argc, argv);
  if (!picture.error.isEmpty()) {
    std::fprintf(stderr, "stemma: %s\n", qPrintable(picture.error));
    return 2;
  }
  ThemeKeeper::instance().apply();
  Workbench workbench(picture.file.isEmpty());
  if (!picture.file.isEmpty()) {
    if (!picture.theme.isEmpty()) {
      ThemeKeeper::instance().apply_once(picture.theme == "dark" ? ThemeChoice::dark : ThemeChoice::light);
    }
    take_screenshot(workbench, picture);
    return QApplication::exec();
  }
  workbench.show();
  const QStringList arguments = QApplication::arguments();
  if (arguments.size() > 1) {
    workbench.document().open(arguments.at(1));
  } else if (const QStringList recent = Settings::recent(); !recent.isEmpty()) {
    workbench.document().open(recent.first());
  } else if (std::filesystem::exists(demo_session())) {
    workbench.document().open(QString::fromStdString(demo_session().string()));
  }
  return QApplication::exec();
}

}  // namespace stemma
