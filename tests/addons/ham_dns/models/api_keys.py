"""What later versions of Odoo 19 have for an account's own keys, for a version that lacks it: the arguments, the system
parameter and the refusals are Odoo's."""

from odoo import api, fields, models
from odoo.addons.base.models.res_users import INDEX_SIZE, KEY_CRYPT_CONTEXT, ResUsersApikeys
from odoo.exceptions import AccessDenied, UserError
from odoo.tools import str2bool

if not hasattr(ResUsersApikeys, "generate"):

    class ApiKeys(models.Model):
        _inherit = "res.users.apikeys"

        @api.model
        def generate(self, key, scope, name, expiration_date):
            """Another key for the account that `key` belongs to."""
            self._is_let()
            if self._check_credentials(scope=scope or "rpc", key=key) != self.env.uid:
                raise AccessDenied("The key is not one of this account's.")
            return self._generate(scope, name, fields.Datetime.from_string(expiration_date))

        @api.model
        def revoke(self, key):
            """Removes this key."""
            self._is_let()
            self.env.cr.execute("SELECT id, key FROM res_users_apikeys WHERE index = %s", [key[:INDEX_SIZE]])
            for row, kept in self.env.cr.fetchall():
                if KEY_CRYPT_CONTEXT.verify(key, kept):
                    self.browse(row)._remove()
                    return True
            raise AccessDenied("There is no such key.")

        def _is_let(self):
            told = self.env["ir.config_parameter"].sudo().get_param("base.enable_programmatic_api_keys")
            if not self.env.is_system() and not str2bool(told, False):
                raise UserError("Programmatic API keys are not enabled")
