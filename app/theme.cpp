#include "app/theme.h"

#include <QApplication>
#include <QDir>
#include <QFile>
#include <QFileSystemWatcher>
#include <QJsonDocument>
#include <QJsonObject>
#include <QPalette>
#include <QSettings>
#include <QStyleFactory>
#include <algorithm>
#include <cmath>

#include "app/fonts.h"

static void load_theme_resources() { Q_INIT_RESOURCE(themes); }

namespace stemma {

namespace {
Theme current;

QByteArray contents(const QString& path) {
  QFile file(path);
  return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

Theme read_theme(const QJsonObject& colours) {
  auto c = [&](const char* name) { return QColor(colours[QLatin1String(name)].toString()); };
  return {colours["dark"].toBool(), c("ground"),    c("paper"),  c("side"),        c("line"),      c("text"),
          c("secondary"),           c("quiet"),     c("accent"), c("accent_soft"), c("proponent"), c("opponent"),
          c("probability"),         c("magnitude"), c("note"),   c("error")};
}

QPalette palette_of(const Theme& t) {
  QPalette palette;
  palette.setColor(QPalette::Window, t.ground);
  palette.setColor(QPalette::WindowText, t.text);
  palette.setColor(QPalette::Base, t.paper);
  palette.setColor(QPalette::AlternateBase, t.side);
  palette.setColor(QPalette::Text, t.text);
  palette.setColor(QPalette::Button, t.side);
  palette.setColor(QPalette::ButtonText, t.text);
  palette.setColor(QPalette::ToolTipBase, t.paper);
  palette.setColor(QPalette::ToolTipText, t.text);
  palette.setColor(QPalette::PlaceholderText, t.quiet);
  palette.setColor(QPalette::Highlight, t.accent_soft);
  palette.setColor(QPalette::HighlightedText, t.text);
  palette.setColor(QPalette::Link, t.accent);
  for (const auto role : {QPalette::Text, QPalette::WindowText, QPalette::ButtonText}) {
    palette.setColor(QPalette::Disabled, role, t.quiet);
  }
  return palette;
}

// The palette as the platform made it, before ours replaced it.
bool platform_is_dark() {
  static const bool dark = QApplication::palette().color(QPalette::Window).lightness() < 128;
  return dark;
}

QString configuration(const QString& file) { return QDir::homePath() + "/.config/" + file; }
}  // namespace

const Theme& theme() { return current; }

bool desktop_is_dark() {
  const QByteArray gtk = qgetenv("GTK_THEME");
  if (!gtk.isEmpty()) return gtk.toLower().contains("dark");
  for (const char* version : {"gtk-4.0", "gtk-3.0"}) {
    const QSettings settings(configuration(QLatin1String(version) + "/settings.ini"), QSettings::IniFormat);
    const QVariant dark = settings.value("Settings/gtk-application-prefer-dark-theme");
    if (dark.isValid()) return dark.toBool() || dark.toString() == "1";
    const QString name = settings.value("Settings/gtk-theme-name").toString();
    if (!name.isEmpty()) return name.contains("dark", Qt::CaseInsensitive);
  }
  const QSettings kde(configuration("kdeglobals"), QSettings::IniFormat);
  const QString scheme = kde.value("ColorScheme", kde.value("General/ColorScheme")).toString();
  if (!scheme.isEmpty()) return scheme.contains("dark", Qt::CaseInsensitive);
  return platform_is_dark();
}

ThemeKeeper& ThemeKeeper::instance() {
  static auto* keeper = new ThemeKeeper;  // lives as long as the program
  return *keeper;
}

ThemeKeeper::ThemeKeeper() : choice_(Settings::theme()) {
  load_theme_resources();
  platform_is_dark();
  QApplication::setStyle(QStyleFactory::create("Fusion"));
  auto* watcher = new QFileSystemWatcher(this);
  for (const char* file : {"gtk-4.0/settings.ini", "gtk-3.0/settings.ini", "kdeglobals"}) {
    if (QFile::exists(configuration(file))) watcher->addPath(configuration(file));
  }
  connect(watcher, &QFileSystemWatcher::fileChanged, this, [this, watcher](const QString& path) {
    if (QFile::exists(path)) watcher->addPath(path);  // replaced files are forgotten by the watcher
    if (choice_ == ThemeChoice::system) apply();
  });
}

void ThemeKeeper::choose(ThemeChoice choice) {
  Settings::set_theme(choice);
  apply_once(choice);
}

void ThemeKeeper::apply_once(ThemeChoice choice) {
  choice_ = choice;
  apply();
}

void ThemeKeeper::apply() {
  const bool dark = choice_ == ThemeChoice::dark || (choice_ == ThemeChoice::system && desktop_is_dark());
  const QJsonObject colours =
      QJsonDocument::fromJson(contents(dark ? ":/themes/dark.json" : ":/themes/light.json")).object();
  current = read_theme(colours);
  QString sheet = QString::fromUtf8(contents(":/themes/stemma.qss"));
  QStringList names = colours.keys();
  std::sort(names.begin(), names.end(), [](const QString& a, const QString& b) { return a.size() > b.size(); });
  for (const QString& name : names) sheet.replace("@" + name, colours[name].toString());
  QApplication::setFont(interface_font());
  QApplication::setPalette(palette_of(current));
  qApp->setStyleSheet(sheet);
  emit changed();
}

QColor mixed(const QColor& from, const QColor& to, double share) {
  auto part = [share](int a, int b) { return static_cast<int>(std::lround(a + (b - a) * share)); };
  return QColor(part(from.red(), to.red()), part(from.green(), to.green()), part(from.blue(), to.blue()));
}

QColor colour(Rgba rgba) { return QColor(rgba.r, rgba.g, rgba.b, rgba.a); }

}  // namespace stemma
