// Light and dark: the colours of the program, from resources/themes. UI thread.
#pragma once

#include <QColor>
#include <QObject>

#include "app/settings.h"
#include "viewer/colormap.h"

namespace stemma {

struct Theme {
  bool dark = false;
  QColor ground, paper, side, line;  // the desk, a sheet on it, the panels beside it, hairlines
  QColor text, secondary, quiet;     // ink: what is read, what is beside it, captions
  QColor accent, accent_soft;        // what is selected
  QColor proponent, opponent;        // made the step more, less likely
  QColor probability, magnitude;     // the ends of the ramps behind letters
  QColor note, error;                // grounds of the message bar
};

// The theme in force.
const Theme& theme();

// Keeps the application in the chosen theme; follows the desktop where the choice is "system".
class ThemeKeeper : public QObject {
  Q_OBJECT

 public:
  static ThemeKeeper& instance();
  void choose(ThemeChoice choice);      // and remembers it
  void apply_once(ThemeChoice choice);  // for this run alone
  ThemeChoice choice() const { return choice_; }
  void apply();

 signals:
  void changed();

 private:
  ThemeKeeper();
  ThemeChoice choice_;
};

// Whether the desktop asks for dark windows.
bool desktop_is_dark();

QColor mixed(const QColor& from, const QColor& to, double share);
QColor colour(Rgba rgba);

}  // namespace stemma
