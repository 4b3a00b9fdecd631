// Ctrl+K: every action of the program by its name.
#pragma once

#include <QDialog>
#include <QLineEdit>
#include <QListWidget>
#include <QMenuBar>

namespace stemma {

class CommandPalette : public QDialog {
 public:
  CommandPalette(const QMenuBar* menus, QWidget* parent);
  void ask();  // over the parent window
  QLineEdit* field() const { return field_; }
  QListWidget* list() const { return list_; }

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void collect(const QList<QAction*>& actions, const QString& menu);
  void filter();
  void choose();

  const QMenuBar* menus_;
  QLineEdit* field_;
  QListWidget* list_;
  QList<QPair<QString, QAction*>> actions_;
};

// Whether the letters of `query` stand in `text` in their order; smaller is better, -1: no.
int fuzzy_distance(const QString& query, const QString& text);

}  // namespace stemma
