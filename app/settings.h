// What the program remembers between starts.
#pragma once

#include <QByteArray>
#include <QString>
#include <QStringList>

namespace stemma {

enum class ThemeChoice { system, light, dark };

// UI thread. Kept in the user's configuration folder.
class Settings {
 public:
  static ThemeChoice theme();
  static void set_theme(ThemeChoice choice);

  static QStringList recent();  // session files, newest first; those that are gone are left out
  static void add_recent(const QString& path);

  static QByteArray window_state();
  static QByteArray window_geometry();
  static void set_window(const QByteArray& geometry, const QByteArray& state);

  // What was asked for last, and by default: the demo's model, corpus and factors.
  static QString model_folder();
  static void set_model_folder(const QString& folder);
  static QStringList corpus_paths();
  static void set_corpus_paths(const QStringList& paths);

  // Documents scanned per second by the last attribution on this machine; 0: none yet.
  static double scan_rate();
  static void set_scan_rate(double documents_per_second);

  static QByteArray blob(const QString& key);
  static void set_blob(const QString& key, const QByteArray& value);
};

}  // namespace stemma
