#include "app/screenshot.h"

#include <QApplication>
#include <QPixmap>
#include <QTimer>
#include <algorithm>
#include <cstdio>

#include "app/panels/documents_panel.h"
#include "app/panels/drawer.h"
#include "app/resources.h"
#include "app/workbench.h"

namespace stemma {

ScreenshotRequest read_screenshot_request(int argc, char** argv) {
  ScreenshotRequest request;
  if (std::find(argv + 1, argv + argc, screenshot_option) == argv + argc) return request;
  for (int i = 1; i < argc; ++i) {
    const QString argument = QString::fromLocal8Bit(argv[i]);
    const QString value = i + 1 < argc ? QString::fromLocal8Bit(argv[i + 1]) : QString();
    if (argument == "--drawer") {
      request.drawer = true;
      continue;
    }
    if (argument == "--predicted") {
      request.predicted = true;
      continue;
    }
    if (argument == "--attention") {
      request.drawer = request.attention = true;
      continue;
    }
    if (!argument.startsWith("--")) {
      request.session = argument;
      continue;
    }
    ++i;
    if (argument == screenshot_option.data()) {
      request.file = value;
    } else if (argument == "--size") {
      request.size = {value.section('x', 0, 0).toInt(), value.section('x', 1, 1).toInt()};
    } else if (argument == "--theme") {
      request.theme = value;
    } else if (argument == "--trace") {
      request.trace = value.toInt();
    } else if (argument == "--step") {
      request.step = value.toInt();
    } else if (argument == "--token") {
      request.token = value.toInt();
    } else if (argument == "--shade") {
      request.shade = value;
    } else {
      request.error = argument + ": no such option of --screenshot";
    }
  }
  if (request.file.isEmpty()) request.error = "--screenshot: name the file to write";
  if (request.size.width() < 200 || request.size.height() < 200) request.error = "--size: write it as 1280x800";
  return request;
}

void take_screenshot(Workbench& workbench, const ScreenshotRequest& request) {
  workbench.lay_out(request.size);
  if (request.attention) workbench.drawer()->show_view(Drawer::attention);
  workbench.set_drawer_open(request.drawer);
  if (request.shade == "logprob") workbench.set_shade(Shade::logprob);
  if (request.shade == "entropy") workbench.set_shade(Shade::entropy);
  if (request.shade == "influence") workbench.set_shade(Shade::influence);
  if (request.shade == "attention") workbench.set_shade(Shade::attention);
  if (request.predicted) workbench.documents_panel()->view()->set_part(TokenPart::predicted);
  workbench.show();
  OpenSession& document = workbench.document();
  QObject::connect(&document, &OpenSession::session_changed, &workbench, [&workbench, request] {
    OpenSession& open = workbench.document();
    open.set_trace(request.trace);
    if (request.step >= 0) open.set_step(request.step);
    if (request.token >= 0) open.set_token(request.token);
    // The drawer reads and uploads its map first.
    QTimer::singleShot(request.drawer || request.shade == "attention" ? 1500 : 400, &workbench, [&workbench, request] {
      const bool saved = workbench.grab().save(request.file);
      if (!saved) std::fprintf(stderr, "stemma: %s cannot be written\n", qPrintable(request.file));
      QApplication::exit(saved ? 0 : 1);
    });
  });
  document.open(request.session.isEmpty() ? QString::fromStdString(demo_session().string()) : request.session);
}

}  // namespace stemma
