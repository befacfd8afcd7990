import { render } from 'preact'
import { followNews } from './net/live.js'
import { askWhoIAm } from './net/me.js'
import { followAddress } from './net/place.js'
import { openSession } from './net/session.js'
import { Page } from './pages/page.js'
import { openScheme } from './parts/scheme.js'

openScheme()
openSession()
followAddress()
askWhoIAm()
followNews()
render(<Page />, document.body)
