// Pictures of the window for the documentation: `stemma --screenshot FILE ...` draws one and ends.
#pragma once

#include <QSize>
#include <QString>
#include <string_view>

namespace stemma {

class Workbench;

inline constexpr std::string_view screenshot_option = "--screenshot";

struct ScreenshotRequest {
  QString file;  // empty: none was asked for
  QSize size{1280, 800};
  QString theme;    // "light", "dark" or empty
  QString session;  // empty: the demo
  int trace = 0, step = -1, token = -1;
  QString shade;                           // "logprob", "entropy", "influence", "attention" or empty
  bool predicted = false;                  // the document's tokens, and not as read
  bool drawer = false, attention = false;  // the drawer, and what it shows
  QString error;  // what is wrong with the arguments
};
ScreenshotRequest read_screenshot_request(int argc, char** argv);

// Shows the window in that state, writes the picture, and ends the application with status 0 or 1.
void take_screenshot(Workbench& workbench, const ScreenshotRequest& request);

}  // namespace stemma
