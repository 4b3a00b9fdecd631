#include "app/panels/keys_help.h"

#include <QAction>
#include <QGridLayout>
#include <QMenu>

#include "app/fonts.h"
#include "app/panels/panel_parts.h"

namespace stemma {

KeysHelp::KeysHelp(const QMenuBar* menus, QWidget* parent) : QDialog(parent) {
  setWindowTitle(tr("Keys"));
  auto* columns = new QHBoxLayout(this);
  columns->setContentsMargins(28, 22, 32, 26);
  columns->setSpacing(40);
  QVBoxLayout* column = nullptr;
  int in_column = 0;
  for (const QAction* entry : menus->actions()) {
    const QMenu* menu = entry->menu();
    if (!menu) continue;
    auto* grid = new QGridLayout;
    grid->setHorizontalSpacing(16);
    grid->setVerticalSpacing(4);
    int row = 0;
    for (const QAction* action : menu->actions()) {
      if (action->shortcuts().isEmpty()) continue;
      QStringList keys;
      for (const QKeySequence& key : action->shortcuts()) {
        const QString name = key.toString(QKeySequence::NativeText);
        if (name != "Enter") keys << (name == "Return" ? tr("Enter") : name);
      }
      auto* key = label(keys.join("  "), Ink::text);
      key->setFont(number_font());
      key->setWordWrap(false);
      auto* what = label(action->text().remove('&'), Ink::secondary);
      what->setWordWrap(false);
      grid->addWidget(key, row, 0);
      grid->addWidget(what, row, 1);
      ++row;
    }
    if (row == 0) continue;
    if (!column || in_column + row > 14) {
      column = new QVBoxLayout;
      column->setSpacing(6);
      columns->addLayout(column);
      in_column = 0;
    }
    if (in_column > 0) column->addSpacing(10);
    column->addWidget(heading(entry->text().remove('&')));
    column->addLayout(grid);
    in_column += row + 1;
  }
  for (int i = 0; i < columns->count(); ++i) {
    if (auto* laid = qobject_cast<QVBoxLayout*>(columns->itemAt(i)->layout())) laid->addStretch();
  }
}

}  // namespace stemma
