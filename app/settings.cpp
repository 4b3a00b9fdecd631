#include "app/settings.h"

#include <QFileInfo>
#include <QSettings>

#include "app/resources.h"

namespace stemma {

namespace {
QSettings& store() {
  static QSettings settings(QSettings::IniFormat, QSettings::UserScope, "stemma", "stemma");
  return settings;
}
}  // namespace

ThemeChoice Settings::theme() {
  const QString name = store().value("theme").toString();
  return name == "light" ? ThemeChoice::light : name == "dark" ? ThemeChoice::dark : ThemeChoice::system;
}

void Settings::set_theme(ThemeChoice choice) {
  store().setValue("theme", choice == ThemeChoice::light ? "light" : choice == ThemeChoice::dark ? "dark" : "system");
}

QStringList Settings::recent() {
  QStringList paths = store().value("recent").toStringList();
  paths.removeIf([](const QString& path) { return !QFileInfo::exists(path); });
  return paths;
}

void Settings::add_recent(const QString& path) {
  QStringList paths = store().value("recent").toStringList();
  paths.removeAll(path);
  paths.prepend(path);
  store().setValue("recent", paths.mid(0, 10));
}

QByteArray Settings::window_state() { return blob("window/state"); }
QByteArray Settings::window_geometry() { return blob("window/geometry"); }
void Settings::set_window(const QByteArray& geometry, const QByteArray& state) {
  set_blob("window/geometry", geometry);
  set_blob("window/state", state);
}

QString Settings::model_folder() {
  return store().value("model", QString::fromStdString(demo_model().string())).toString();
}
void Settings::set_model_folder(const QString& folder) { store().setValue("model", folder); }

QStringList Settings::corpus_paths() {
  return store().value("corpus", QStringList{QString::fromStdString(demo_corpus().string())}).toStringList();
}
void Settings::set_corpus_paths(const QStringList& paths) { store().setValue("corpus", paths); }

double Settings::scan_rate() { return store().value("scan_rate", 0.0).toDouble(); }
void Settings::set_scan_rate(double documents_per_second) { store().setValue("scan_rate", documents_per_second); }

QByteArray Settings::blob(const QString& key) { return store().value(key).toByteArray(); }
void Settings::set_blob(const QString& key, const QByteArray& value) { store().setValue(key, value); }

}  // namespace stemma
